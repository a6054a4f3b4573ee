/* links: kvm-run/cpuid.c kvm-run/cpuid_topology.c kvm-run/topology.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* The leaves of CPUID that tell of processors, made from what an Intel and two AMD hosts offer. */
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpuid.h"
#include "kvm-run/topology.h"
#include "tests/unit/tap.h"

static struct kvm_cpuid2 *c;

static void
add(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct kvm_cpuid_entry2 *e = cpuid_add(c, function, index);

	e->eax = eax;
	e->ebx = ebx;
	e->ecx = ecx;
	e->edx = edx;
}

static const struct kvm_cpuid_entry2 *
leaf(uint32_t function, uint32_t index)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, function, index);

	if (!e)
		abort();
	return e;
}

static bool
says(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	const struct kvm_cpuid_entry2 *e = leaf(function, index);

	return e->eax == eax && e->ebx == ebx && e->ecx == ecx && e->edx == edx;
}

static void
host(const char *vendor, uint32_t highest)
{
	uint32_t name[3];

	memcpy(name, vendor, sizeof(name));
	c->nent = 0;
	add(0, 0, highest, name[0], name[2], name[1]);
}

static void
layout(unsigned sockets, unsigned cores, unsigned threads, unsigned index)
{
	const struct topology t = {.sockets = sockets, .cores = cores, .threads = threads};

	cpuid_topology(c, &t, index);
}

/* The leaf of levels: threads and cores in as many bits and of as many processors, and no third level. */
static bool
levels(uint32_t function, uint32_t id, uint32_t bits1, uint32_t count1, uint32_t bits2, uint32_t count2)
{
	return says(function, 0, bits1, count1, 0x100, id) && says(function, 1, bits2, count2, 0x201, id) && says(function, 2, 0, 0, 2, id);
}

static void
check_intel(void)
{
	host("GenuineIntel", 0x20);
	add(1, 0, 0x806f8, 5U << 24 | 16 << 16 | 0x800, 0, 0);
	for (uint32_t i = 0; i < 4; i++)
		add(4, i, 0x1c03c000 | 1 << 8 | (i > 1 ? i : 1) << 5 | (i ? i : 1), 0x3f, 0x3f, 0);
	add(4, 4, 0, 0, 0, 0);
	for (uint32_t i = 0; i < 4; i++)
		add(0x1f, i, i ? 4 : 1, i ? 16 : 2, (i + 1) << 8 | i, 5);
	add(0x80000001, 0, 0, 0, 0x121, 0);
	add(0x80000008, 0, 0x3030, 0, 0, 0);
	layout(1, 3, 1, 2);
	ok(leaf(1, 0)->ebx == (2U << 24 | 4 << 16 | 0x800), "Intel, leaf 1: APIC id 2, room for 4");
	ok(leaf(1, 0)->edx == 1U << 28, "several processors");
	ok(leaf(4, 3)->eax >> 26 == 3 && (leaf(4, 3)->eax >> 14 & 0xfff) == 3, "leaf 4: all share the last cache");
	ok((leaf(4, 2)->eax >> 14 & 0xfff) == 0 && leaf(4, 4)->eax == 0, "none the others; and there are no more");
	ok(levels(0xb, 2, 0, 1, 2, 3) && leaf(0xb, 1)->flags == KVM_CPUID_FLAG_SIGNIFCANT_INDEX, "leaf 0xb, made: three cores in two bits");
	ok(levels(0x1f, 2, 0, 1, 2, 3) && says(0x1f, 3, 0, 0, 3, 2), "leaf 0x1f says the same, nothing of the host's");
	ok(leaf(0x80000001, 0)->ecx == 0x121 && !leaf(0x80000008, 0)->ecx && !cpuid_find(c, 0x8000001e, 0), "nothing that is AMD's");
	layout(2, 3, 2, 11);
	ok(leaf(1, 0)->ebx == (13U << 24 | 8 << 16 | 0x800), "two sockets of three cores of two threads: the last has id 13");
	ok(leaf(4, 0)->eax >> 26 == 3 && (leaf(4, 0)->eax >> 14 & 0xfff) == 1 && (leaf(4, 3)->eax >> 14 & 0xfff) == 7,
	    "threads share the first cache, a socket the last");
	ok(levels(0xb, 13, 1, 2, 3, 6) && levels(0x1f, 13, 1, 2, 3, 6), "and so say the levels");
	cpuid_topology(c, &(struct topology){.sockets = 1, .cores = 4, .threads = 1, .split = 1}, 0);
	ok((leaf(4, 3)->eax >> 14 & 0xfff) == 1 && (leaf(4, 0)->eax >> 14 & 0xfff) == 0, "two nodes in a socket: a cache each");
	layout(1, 512, 2, 1023);
	ok(leaf(1, 0)->ebx == (255U << 24 | 255 << 16 | 0x800) && leaf(4, 0)->eax >> 26 == 63 && levels(0xb, 1023, 1, 2, 10, 1024),
	    "what is too much for the older leaves is cut");
	layout(1, 1, 1, 0);
	ok(leaf(1, 0)->ebx == (1 << 16 | 0x800) && !leaf(1, 0)->edx && leaf(0xb, 1)->ebx == 1, "one processor");
	host("GenuineIntel", 0xa);
	layout(1, 2, 1, 0);
	ok(!cpuid_find(c, 0xb, 0), "an old processor gets no leaf that it has not");
}

static void
check_amd(void)
{
	host("AuthenticAMD", 0x10);
	add(1, 0, 0xa20f12, 0x800, 0, 0);
	add(0x80000000, 0, 0x80000028, 0, 0, 0);
	add(0x80000001, 0, 0, 0, 1 << 22, 0);
	add(0x80000008, 0, 0x3030, 0, 0x700f, 0);
	for (uint32_t i = 0; i < 4; i++)
		add(0x8000001d, i, 0x1c000 | 1 << 8 | (i > 1 ? i : 1) << 5 | (i ? i : 1), 0x1c0003f, 0x3f, 0);
	add(0x8000001d, 4, 0, 0, 0, 0);
	add(0x80000026, 0, 1, 2, 0x100, 5);
	layout(2, 3, 2, 11);
	ok(leaf(1, 0)->ebx == (13U << 24 | 6 << 16 | 0x800) && leaf(1, 0)->edx == 1U << 28, "AMD, leaf 1: six processors, id 13");
	ok(leaf(0x80000001, 0)->ecx == (1 << 22 | 2), "by which cores are counted");
	ok(leaf(0x80000008, 0)->ecx == (3 << 12 | 5), "leaf 80000008: six in three bits");
	ok(says(0x8000001e, 0, 13, 1 << 8 | 2, 1, 0), "leaf 8000001e: core 2, of two threads, node 1");
	ok((leaf(0x8000001d, 0)->eax >> 14) == 1 && (leaf(0x8000001d, 3)->eax >> 14) == 7 && !leaf(0x8000001d, 4)->eax,
	    "leaf 8000001d: threads share the first cache, a socket the last");
	ok(levels(0xb, 13, 1, 2, 3, 6) && !cpuid_find(c, 0x1f, 0), "leaf 0xb, and no 0x1f");
	cpuid_topology(c, &(struct topology){.sockets = 2, .cores = 4, .threads = 1, .split = 1}, 6);
	ok(leaf(0x8000001e, 0)->ecx == (1 << 8 | 3) && leaf(0x8000001d, 3)->eax >> 14 == 1, "two nodes a socket: node 3 of four");
	ok(!leaf(0x80000026, 0)->eax && !leaf(0x80000026, 0)->ebx && !leaf(0x80000026, 0)->ecx, "the newest leaf is empty");
	layout(1, 1, 1, 0);
	ok(leaf(0x80000001, 0)->ecx == 1 << 22 && !leaf(0x80000008, 0)->ecx && says(0x8000001e, 0, 0, 0, 0, 0), "one processor");
}

/* What there is of topology is made when threads are asked for, of what the older leaves say of the caches. */
static void
check_old_amd(void)
{
	host("AuthenticAMD", 0xd);
	add(1, 0, 0x663, 0x800, 0, 0);
	add(0x80000000, 0, 0x8000000a, 0, 0, 0);
	add(0x80000001, 0, 0, 0, 0x20, 0);
	add(0x80000005, 0, 0, 0, 0x40020140, 0x40020140);
	add(0x80000006, 0, 0, 0, 0x02008140, 0x00808140);
	add(0x80000008, 0, 0x3028, 0, 0, 0);
	layout(1, 4, 1, 1);
	ok(leaf(0x80000001, 0)->ecx == 0x22 && !cpuid_find(c, 0x8000001e, 0) && leaf(0x80000000, 0)->eax == 0x8000000a,
	    "an old AMD of cores alone stays one");
	cpuid_topology(c, &(struct topology){.sockets = 1, .cores = 4, .threads = 1, .split = 1}, 0);
	ok(leaf(0x80000001, 0)->ecx == (1 << 22 | 0x22), "not with several nodes");
	cpuid_find(c, 0x80000001, 0)->ecx = 0x20;
	cpuid_find(c, 0x80000000, 0)->eax = 0x8000000a;
	layout(1, 2, 2, 3);
	ok(leaf(0x80000001, 0)->ecx == (1 << 22 | 0x22) && leaf(0x80000000, 0)->eax == 0x8000001e, "with threads it gets the leaves for them");
	ok(says(0x8000001e, 0, 3, 1 << 8 | 1, 0, 0), "core 1 of node 0");
	ok(says(0x8000001d, 0, 1 << 14 | 1 << 8 | 1 << 5 | 1, 1 << 22 | 63, 511, 0), "64 KiB for data, 2 ways");
	ok(says(0x8000001d, 1, 1 << 14 | 1 << 8 | 1 << 5 | 2, 1 << 22 | 63, 511, 0), "the same for instructions");
	ok(says(0x8000001d, 2, 1 << 14 | 1 << 8 | 2 << 5 | 3, 15 << 22 | 63, 511, 0), "512 KiB of level 2, 16 ways");
	ok(says(0x8000001d, 3, 3 << 14 | 1 << 8 | 3 << 5 | 3, 15 << 22 | 63, 16383, 0), "16 MiB of level 3, of the socket");
	ok(!leaf(0x8000001d, 4)->eax, "and no more");
}

/* A table that is full already is left as it is. */
static void
check_full(void)
{
	host("AuthenticAMD", 0x10);
	add(0x80000001, 0, 0, 0, 1 << 22, 0);
	while (c->nent < CPUID_ENTRIES_MAX)
		add(0x40000000 + c->nent, 0, 0, 0, 0, 0);
	layout(1, 2, 2, 3);
	ok(c->nent == CPUID_ENTRIES_MAX && !cpuid_find(c, 0xb, 0), "a full table");
	ok(cpuid_vendor(c) == CPUID_AMD, "AMD");
	host("HygonGenuine", 0);
	ok(cpuid_vendor(c) == CPUID_AMD, "Hygon");
	host("CentaurHauls", 0);
	ok(cpuid_vendor(c) == CPUID_OTHER, "another");
}

int
main(void)
{
	c = calloc(1, sizeof(*c) + CPUID_ENTRIES_MAX * sizeof(c->entries[0]));
	if (!c)
		return 1;
	check_intel();
	check_amd();
	check_old_amd();
	check_full();
	free(c);
	return tap_done();
}
