/* SPDX-License-Identifier: ISC */
/*
 * The leaves of CPUID that tell where a processor is, of Intel's (SDM vol. 2A, "CPUID") and of AMD's (APM vol. 3, appendix
 * E), whichever of them the table's vendor and highest leaves give the guest reason to read.
 */
#include <stddef.h>

#include "kvm-run/cpuid.h"
#include "kvm-run/topology.h"

#define HTT (1U << 28)		/* 1 edx: the count of logical processors there is valid */
#define CMP_LEGACY (1U << 1)	/* 80000001 ecx: that count is of cores */
#define TOPOEXT (1U << 22)	/* 80000001 ecx: leaves 8000001d and 8000001e are there */
#define CACHE_TYPE 0x1fU	/* 4 and 8000001d eax; 0: no such cache */
#define CACHE_LEVEL(eax) ((eax) >> 5 & 7)
#define CACHE_OWN 0x3fffU	/* eax but for who shares it */

enum { LEVEL_NONE, LEVEL_THREAD, LEVEL_CORE }; /* 0xb ecx[15:8] */

struct place {
	const struct topology *t;
	uint32_t id;		/* APIC id */
	unsigned thread_bits;	/* of the id: those that tell the threads of a core apart */
	unsigned package_bits;	/* those of a socket's processors */
	unsigned threads;	/* of a socket */
};

static uint32_t
at_most(uint32_t v, uint32_t max)
{
	return v < max ? v : max;
}

/* Ids that share a cache, less one: a core's threads the first two levels, the socket, or what is near of it, the third. */
static uint32_t
sharing(const struct place *p, uint32_t eax)
{
	return (1U << (CACHE_LEVEL(eax) > 2 ? p->package_bits - p->t->split : p->thread_bits)) - 1;
}

static void
leaf_1(struct kvm_cpuid_entry2 *e, const struct place *p, enum cpuid_vendor vendor)
{
	/* Intel: the ids that are set aside for a socket. AMD: the processors that are there. */
	uint32_t count = vendor == CPUID_AMD ? p->threads : 1U << p->package_bits;

	e->ebx = (e->ebx & 0xffff) | (p->id & 0xff) << 24 | at_most(count, 255) << 16;
	e->edx = p->threads > 1 ? e->edx | HTT : e->edx & ~HTT;
}

/* Intel's caches, with the ids that are set aside for the socket's cores. */
static void
leaf_4(struct kvm_cpuid_entry2 *e, const struct place *p)
{
	uint32_t cores = 1U << (p->package_bits - p->thread_bits);

	if (e->eax & CACHE_TYPE)
		e->eax = (e->eax & CACHE_OWN) | sharing(p, e->eax) << 14 | (at_most(cores, 64) - 1) << 26;
}

/* 0xb and 0x1f: level 0 the threads, level 1 the cores, then none. */
static void
leaf_levels(struct kvm_cpuid2 *c, uint32_t function, const struct place *p)
{
	const uint32_t bits[] = {p->thread_bits, p->package_bits}, counts[] = {p->t->threads, p->threads};

	for (uint32_t level = 0; level <= 2; level++)
		cpuid_add(c, function, level);
	for (struct kvm_cpuid_entry2 *e = c->entries; e < c->entries + c->nent; e++) {
		uint32_t level = e->index;

		if (e->function != function)
			continue;
		e->eax = level < 2 ? bits[level] : 0;
		e->ebx = level < 2 ? counts[level] : 0;
		e->ecx = (level & 0xff) | (level < 2 ? LEVEL_THREAD + level : LEVEL_NONE) << 8;
		e->edx = p->id;
	}
}

/* 80000006 codes associativity (APM vol. 3, table E-4); 15: fully. */
static uint32_t
ways(uint32_t code)
{
	static const uint8_t known[16] = {[1] = 1, [2] = 2, [4] = 4, [5] = 6, [6] = 8, [8] = 16, [10] = 32, [11] = 48,
	    [12] = 64, [13] = 96, [14] = 128};

	return known[code & 15];
}

static void
add_cache(struct kvm_cpuid2 *c, uint32_t *index, uint32_t type_level, uint64_t bytes, uint32_t line, uint32_t associativity)
{
	struct kvm_cpuid_entry2 *e;

	if (!bytes || !line || !associativity || bytes / line / associativity == 0)
		return;
	e = cpuid_add(c, 0x8000001d, *index);
	if (!e)
		return;
	e->eax = type_level | 1 << 8; /* self-initialising */
	e->ebx = (line - 1) | (associativity - 1) << 22;
	e->ecx = (uint32_t)(bytes / line / associativity - 1);
	++*index;
}

/* What the older leaves 80000005 and 80000006 say of the caches, as 8000001d says it. */
static void
add_caches(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *first = cpuid_find(c, 0x80000005, 0), *e = cpuid_find(c, 0x80000006, 0);
	uint32_t index = 0, l1d = first ? first->ecx : 0, l1i = first ? first->edx : 0, l2 = e ? e->ecx : 0, l3 = e ? e->edx : 0;

	add_cache(c, &index, 1 | 1 << 5, (l1d >> 24) * 1024, l1d & 0xff, l1d >> 16 & 0xff);
	add_cache(c, &index, 2 | 1 << 5, (l1i >> 24) * 1024, l1i & 0xff, l1i >> 16 & 0xff);
	add_cache(c, &index, 3 | 2 << 5, (l2 >> 16) * 1024, l2 & 0xff, ways(l2 >> 12));
	add_cache(c, &index, 3 | 3 << 5, (uint64_t)(l3 >> 18) * (512 << 10), l3 & 0xff, ways(l3 >> 12));
	cpuid_add(c, 0x8000001d, index); /* no more */
}

/* Only by these leaves do AMD's processors have threads, and several nodes; an old host's, too, if they are asked for. */
static void
need_topoext(struct kvm_cpuid2 *c, struct kvm_cpuid_entry2 *features)
{
	struct kvm_cpuid_entry2 *highest = cpuid_find(c, 0x80000000, 0);

	if (features->ecx & TOPOEXT || !highest)
		return;
	features->ecx |= TOPOEXT;
	if (highest->eax < 0x8000001e)
		highest->eax = 0x8000001e;
	if (!cpuid_find(c, 0x8000001d, 0))
		add_caches(c);
}

static void
amd(struct kvm_cpuid2 *c, const struct place *p)
{
	struct kvm_cpuid_entry2 *features = cpuid_find(c, 0x80000001, 0), *e = cpuid_find(c, 0x80000008, 0);

	if (e) /* processors of a socket, bits of the id for them */
		e->ecx = p->threads > 1 ? p->package_bits << 12 | (at_most(p->threads, 256) - 1) : 0;
	if (!features)
		return;
	features->ecx = p->threads > 1 ? features->ecx | CMP_LEGACY : features->ecx & ~CMP_LEGACY;
	if (p->t->threads > 1 || p->t->split)
		need_topoext(c, features);
	if (!(features->ecx & TOPOEXT))
		return;
	for (uint32_t i = 0; (e = cpuid_find(c, 0x8000001d, i)) && e->eax & CACHE_TYPE; i++)
		e->eax = (e->eax & CACHE_OWN) | sharing(p, e->eax) << 14;
	e = cpuid_add(c, 0x8000001e, 0);
	if (!e)
		return;
	e->eax = p->id;
	e->ebx = (p->id >> p->thread_bits & ((1U << (p->package_bits - p->thread_bits)) - 1) & 0xff) |
		 ((p->t->threads - 1) & 0xff) << 8; /* core of the socket, threads of a core */
	/* Nodes, and how many a socket has: those that share the last cache, as older guests take them to be. */
	e->ecx = (p->id >> (p->package_bits - p->t->split) & 0xff) | (((1U << p->t->split) - 1) & 7) << 8;
}

void
cpuid_topology(struct kvm_cpuid2 *c, const struct topology *t, unsigned index)
{
	const struct place p = {.t = t, .id = topology_apic_id(t, index), .thread_bits = topology_thread_bits(t),
	    .package_bits = topology_thread_bits(t) + topology_core_bits(t), .threads = t->cores * t->threads};
	const struct kvm_cpuid_entry2 *highest = cpuid_find(c, 0, 0);
	enum cpuid_vendor vendor = cpuid_vendor(c);
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 1, 0);

	if (e)
		leaf_1(e, &p, vendor);
	for (uint32_t i = 0; (e = cpuid_find(c, 4, i)); i++)
		leaf_4(e, &p);
	if (highest && highest->eax >= 0xb)
		leaf_levels(c, 0xb, &p);
	if (highest && highest->eax >= 0x1f)
		leaf_levels(c, 0x1f, &p);
	if (vendor == CPUID_AMD)
		amd(c, &p);
	e = cpuid_find(c, 0x80000026, 0); /* AMD's newest leaf of levels: none there, so 0xb is read */
	if (e)
		e->eax = e->ebx = e->ecx = 0;
}
