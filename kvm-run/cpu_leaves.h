/* SPDX-License-Identifier: ISC */
/* The leaves of CPUID that a model fills. */
#ifndef KVM_RUN_CPU_LEAVES_H
#define KVM_RUN_CPU_LEAVES_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/cpu_features.h"
#include "kvm-run/cpu_models.h"
#include "kvm-run/cpuid.h"

/* An empty table with room for CPUID_ENTRIES_MAX, or NULL with errno. */
struct kvm_cpuid2 *cpuid_new(void);

/* As cpuid_add, but never NULL: a full table gives its last one. Tables here are of some fifty, KVM's own of a hundred. */
struct kvm_cpuid_entry2 *cpuid_get(struct kvm_cpuid2 *c, uint32_t function, uint32_t index);

/* Takes out all entries of a function. */
void cpuid_drop(struct kvm_cpuid2 *c, uint32_t function);

/* Copies all entries of a function from another table, if it has them. */
void cpuid_copy(struct kvm_cpuid2 *to, struct kvm_cpuid2 *from, uint32_t function);

/* A register of an entry; not CPU_MSR. */
uint32_t *cpuid_reg(struct kvm_cpuid_entry2 *e, enum cpu_reg reg);

/* Leaf 1's eax and back (Intel SDM vol. 2, CPUID, figure 3-6; AMD's is the same). */
uint32_t cpuid_signature(unsigned family, unsigned model, unsigned stepping);
void cpuid_signature_parts(uint32_t eax, unsigned *family, unsigned *model, unsigned *stepping);

/* Leaves 0 and 80000000: the last ones and the vendor. */
void cpuid_put_ends(struct kvm_cpuid2 *c, const char *vendor, uint32_t level, uint32_t xlevel);

/* Leaves 80000002 to 80000004. */
void cpuid_put_title(struct kvm_cpuid2 *c, const char *title);

/* Leaves 2 and 4, or AMD's 80000005, 80000006 and 8000001d: who shares what is not told yet. */
void cpuid_put_caches(struct kvm_cpuid2 *c, const struct cpu_caches *k, bool amd, uint32_t level, bool topoext);

/* Leaf 5: the host's own MONITOR and MWAIT, which the guest is let execute. */
void cpuid_put_mwait(struct kvm_cpuid2 *c);

/* Leaf 0xd: of the state components those that f's features have and KVM offers, with the sizes that come of it. */
void cpuid_put_xsave(struct kvm_cpuid2 *c, struct kvm_cpuid2 *host, const struct cpu_features *f);

/* Leaves 15 and 40000010, if the guest has room for them: the TSC's frequency. */
void cpuid_put_tsc(struct kvm_cpuid2 *c, uint64_t khz);

#endif
