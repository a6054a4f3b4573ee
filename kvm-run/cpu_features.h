/* SPDX-License-Identifier: ISC */
/* The features of x86 processors: 32 of them to a word, each with the name that QEMU and libvirt know it by. */
#ifndef KVM_RUN_CPU_FEATURES_H
#define KVM_RUN_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_FEATURE_NAME_LEN 28

enum cpu_reg { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX, CPU_MSR };

/* The words, in the order in which their features are listed. */
enum cpu_word_index {
	CPU_1_EDX,
	CPU_1_ECX,
	CPU_6_EAX,
	CPU_7_EBX,
	CPU_7_ECX,
	CPU_7_EDX,
	CPU_7_1_EAX,
	CPU_7_1_EDX,
	CPU_7_2_EDX,
	CPU_D_1_EAX,
	CPU_80000001_EDX,
	CPU_80000001_ECX,
	CPU_80000007_EBX,
	CPU_80000007_EDX,
	CPU_80000008_EBX,
	CPU_8000000A_EDX,
	CPU_80000021_EAX,
	CPU_80000022_EAX,
	CPU_KVM_EAX,
	CPU_KVM_EDX,
	CPU_ARCH_CAPABILITIES,
	CPU_CORE_CAPABILITIES,
	CPU_WORDS
};

/* Where a word is found: a register of a leaf, or the low half of an MSR. */
struct cpu_word {
	uint32_t leaf, index; /* an MSR: leaf */
	enum cpu_reg reg;
	char names[32][CPU_FEATURE_NAME_LEN]; /* "": it has none. No pointers, so that the table costs a process nothing */
};

struct cpu_features {
	uint32_t w[CPU_WORDS];
};

/* A feature by its number: word * 32 + bit. */
typedef unsigned cpu_feature;
#define CPU_FEATURES (CPU_WORDS * 32)

extern const struct cpu_word cpu_words[CPU_WORDS];

/* The features of a name, len bytes of it ('_' is taken for '-'), are set in f or, off, cleared. A few names stand for two
 * bits. False: there is no such feature. */
bool cpu_features_set(struct cpu_features *f, const char *name, size_t len, bool on);

/* Adds and removes the features of a list of words with blanks between: "avx2 -hle". All are known. */
void cpu_features_apply(struct cpu_features *f, const char *words);

static inline bool
cpu_has(const struct cpu_features *f, cpu_feature n)
{
	return f->w[n / 32] >> n % 32 & 1;
}

/* Takes out what makes no sense without another feature that is not there, such as AVX2 without AVX. */
void cpu_features_settle(struct cpu_features *f);

/* Are all of a list of words in f? */
bool cpu_features_have(const struct cpu_features *f, const char *words);

/* NULL for a bit that has no name here. A name of two bits is that of the first. */
const char *cpu_feature_name(cpu_feature n);

/* What of `a` is not in `b`. */
struct cpu_features cpu_features_without(const struct cpu_features *a, const struct cpu_features *b);
bool cpu_features_any(const struct cpu_features *f);

/* The names with `between` between them, into text, cut where it is full; its length. */
size_t cpu_features_print(const struct cpu_features *f, const char *between, char *text, size_t size);

/* The bits that have names here. */
struct cpu_features cpu_features_named(void);

#endif
