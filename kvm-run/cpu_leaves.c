/* SPDX-License-Identifier: ISC */
/* CPUID leaves, one by one; the contracts are in cpu_leaves.h. Layouts: Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E. */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/cpu_leaves.h"

#define CACHE_LINE 64
#define LEAF_TSC 0x15
#define TSC_DEADLINE (1U << 24) /* leaf 1, ecx */
#define LEAF_KVM 0x40000000U
#define SIGNATURE_KVM 0x4b4d564b /* "KVMK" */
#define LEAF_FREQUENCIES 0x40000010U
#define BUS_KHZ 1000000 /* of the local APIC's timer, in KVM */
#define XSAVE_HEADER_END (512 + 64) /* legacy region and header: SDM vol. 1, 13.4 */

struct kvm_cpuid2 *
cpuid_new(void)
{
	return calloc(1, sizeof(struct kvm_cpuid2) + CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
}

struct kvm_cpuid_entry2 *
cpuid_get(struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e = cpuid_add(c, function, index);

	return e ? e : &c->entries[CPUID_ENTRIES_MAX - 1];
}

void
cpuid_drop(struct kvm_cpuid2 *c, uint32_t function)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function != function)
			c->entries[kept++] = c->entries[i];
	c->nent = kept;
}

void
cpuid_copy(struct kvm_cpuid2 *to, struct kvm_cpuid2 *from, uint32_t function)
{
	for (uint32_t i = 0; i < from->nent; i++)
		if (from->entries[i].function == function)
			*cpuid_get(to, function, from->entries[i].index) = from->entries[i];
}

uint32_t *
cpuid_reg(struct kvm_cpuid_entry2 *e, enum cpu_reg reg)
{
	return reg == CPU_EAX ? &e->eax : reg == CPU_EBX ? &e->ebx : reg == CPU_ECX ? &e->ecx : &e->edx;
}

uint32_t
cpuid_signature(unsigned family, unsigned model, unsigned stepping)
{
	unsigned extended = family > 15 ? family - 15 : 0;

	return extended << 20 | (model >> 4) << 16 | (family - extended) << 8 | (model & 15) << 4 | stepping;
}

void
cpuid_signature_parts(uint32_t eax, unsigned *family, unsigned *model, unsigned *stepping)
{
	*family = (eax >> 8 & 15) + (eax >> 20 & 255);
	*model = (eax >> 4 & 15) | (eax >> 12 & 0xf0);
	*stepping = eax & 15;
}

static void
put(struct kvm_cpuid2 *c, uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct kvm_cpuid_entry2 *e = cpuid_get(c, function, index);

	e->eax = eax;
	e->ebx = ebx;
	e->ecx = ecx;
	e->edx = edx;
}

void
cpuid_put_ends(struct kvm_cpuid2 *c, const char *vendor, uint32_t level, uint32_t xlevel)
{
	uint32_t name[3];

	memcpy(name, vendor, sizeof(name));
	put(c, 0, 0, level, name[0], name[2], name[1]);
	if (xlevel)
		put(c, 0x80000000, 0, xlevel, name[0], name[2], name[1]); /* Intel's are reserved there, and ignored */
}

void
cpuid_put_title(struct kvm_cpuid2 *c, const char *title)
{
	uint32_t text[12] = {0};

	memcpy(text, title, strnlen(title, sizeof(text)));
	for (uint32_t i = 0; i < 3; i++)
		put(c, 0x80000002 + i, 0, text[i * 4], text[i * 4 + 1], text[i * 4 + 2], text[i * 4 + 3]);
}

/* Leaves 4 and 8000001d, which are alike: one cache. */
static void
put_cache(struct kvm_cpuid2 *c, uint32_t function, uint32_t index, unsigned type, unsigned level, const struct cpu_cache *k)
{
	if (k->kib)
		put(c, function, index, type | level << 5 | 1 << 8, (uint32_t)(k->ways - 1) << 22 | (CACHE_LINE - 1),
		    k->kib * 1024U / CACHE_LINE / k->ways - 1, 0);
}

static void
put_all_caches(struct kvm_cpuid2 *c, uint32_t function, const struct cpu_caches *k)
{
	enum { DATA = 1, CODE, BOTH };

	put_cache(c, function, 0, DATA, 1, &k->l1d);
	put_cache(c, function, 1, CODE, 1, &k->l1i);
	put_cache(c, function, 2, BOTH, 2, &k->l2);
	put_cache(c, function, 3, BOTH, 3, &k->l3);
}

/* AMD APM vol. 3, E.4.5: associativity in four bits; 9 says that leaf 8000001d knows. */
static uint32_t
ways_code(unsigned ways)
{
	static const uint8_t codes[][2] = {{0, 0}, {1, 1}, {2, 2}, {4, 4}, {8, 6}, {16, 8}, {32, 10}, {48, 11}, {64, 12}};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i][0] == ways)
			return codes[i][1];
	return 9;
}

static uint32_t
l1(const struct cpu_cache *k)
{
	return (uint32_t)k->kib << 24 | (uint32_t)k->ways << 16 | 1 << 8 | CACHE_LINE;
}

void
cpuid_put_caches(struct kvm_cpuid2 *c, const struct cpu_caches *k, bool amd, uint32_t level, bool topoext)
{
	uint32_t l2 = (uint32_t)k->l2.kib << 16 | ways_code(k->l2.ways) << 12 | 1 << 8 | CACHE_LINE;
	uint32_t l3 = k->l3.kib ? (uint32_t)(k->l3.kib / 512) << 18 | ways_code(k->l3.ways) << 12 | 1 << 8 | CACHE_LINE : 0;

	put(c, 0x80000006, 0, 0, 0, l2, amd ? l3 : 0);
	if (!amd) {
		/* Leaf 2: ff, ask leaf 4; before there was one, 8-way caches of 32 KiB and one of 512 KiB. */
		put(c, 2, 0, level >= 4 ? 0xff01 : 1, 0, 0, level >= 4 ? 0 : 0x2c3083);
		if (level >= 4)
			put_all_caches(c, 4, k);
		return;
	}
	put(c, 0x80000005, 0, 0xff40ff40, 0xff40ff40, l1(&k->l1d), l1(&k->l1i)); /* TLBs of 64 pages, fully associative */
	if (topoext)
		put_all_caches(c, 0x8000001d, k);
}

void
cpuid_put_mwait(struct kvm_cpuid2 *c)
{
	struct kvm_cpuid_entry2 *e = cpuid_get(c, 5, 0);

	__cpuid(5, e->eax, e->ebx, e->ecx, e->edx);
}

/* State components and the features they come with (SDM vol. 1, 13.1; 11, 12 and 15 are supervisor's, in XSS). */
static const struct component {
	unsigned bit;
	const char *features;
} components[] = {
	{2, "avx"}, {3, "mpx"}, {4, "mpx"}, {5, "avx512f"}, {6, "avx512f"}, {7, "avx512f"}, {8, "intel-pt"}, {9, "pku"},
	{11, "shstk ibt"}, {12, "shstk ibt"}, {15, "arch-lbr"}, {17, "amx-tile"}, {18, "amx-tile"},
};

/* A component that belongs to no feature of ours is as KVM has it. */
static bool
wants(const struct cpu_features *f, unsigned bit)
{
	struct cpu_features any = {0}, rest;

	if (bit < 2)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(components); i++)
		if (components[i].bit == bit)
			cpu_features_apply(&any, components[i].features);
	rest = cpu_features_without(&any, f);
	return memcmp(&rest, &any, sizeof(any)) || !cpu_features_any(&any);
}

void
cpuid_put_xsave(struct kvm_cpuid2 *c, struct kvm_cpuid2 *host, const struct cpu_features *f)
{
	struct kvm_cpuid_entry2 *user = cpuid_find(host, 0xd, 0), *system = cpuid_find(host, 0xd, 1);
	uint32_t xcr0 = 0, xss = 0, size = XSAVE_HEADER_END;

	cpuid_drop(c, 0xd);
	if (!user || !cpu_features_have(f, "xsave"))
		return;
	for (unsigned bit = 0; bit < 32; bit++) {
		struct kvm_cpuid_entry2 *e = cpuid_find(host, 0xd, bit);
		uint32_t here = 1U << bit & (user->eax | (system ? system->ecx : 0));

		if (!here || !wants(f, bit))
			continue;
		xcr0 |= here & user->eax;
		xss |= here & (system ? system->ecx : 0);
		if (bit < 2 || !e)
			continue;
		*cpuid_get(c, 0xd, bit) = *e;
		if (here & user->eax && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	}
	put(c, 0xd, 0, xcr0, XSAVE_HEADER_END, size, 0);
	put(c, 0xd, 1, f->w[CPU_D_1_EAX], 0, xss, 0);
}

void
cpuid_put_tsc(struct kvm_cpuid2 *c, uint64_t khz)
{
	const struct kvm_cpuid_entry2 *basic = cpuid_find(c, 0, 0), *one = cpuid_find(c, 1, 0);
	struct kvm_cpuid_entry2 *kvm = cpuid_find(c, LEAF_KVM, 0);
	uint32_t times = (uint32_t)(khz * 1000 >> 32) + 1;

	/* A crystal that runs as fast as the TSC, or at half of that. Linux takes its frequency for the local APIC's as well, but
	 * never asks for that one where the timer counts by the TSC. */
	if (cpuid_vendor(c) == CPUID_INTEL && basic->eax >= LEAF_TSC && one && one->ecx & TSC_DEADLINE)
		put(c, LEAF_TSC, 0, 1, times, (uint32_t)(khz * 1000 / times), 0);
	/* VMware's leaf, which others read under KVM, too. Hyper-V's guests have MSRs for it. */
	if (!kvm || kvm->ebx != SIGNATURE_KVM)
		return;
	kvm->eax = LEAF_FREQUENCIES;
	put(c, LEAF_FREQUENCIES, 0, (uint32_t)khz, BUS_KHZ, 0, 0);
}
