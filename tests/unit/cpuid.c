/* links: kvm-run/cpuid.c */
/* SPDX-License-Identifier: ISC */
/* The leaves of CPUID that tell of processors and cores, made from what a host of eight cores offers. */
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>

#include "kvm-run/cpuid.h"
#include "tests/unit/tap.h"

static struct kvm_cpuid2 *c;

static void
add(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	c->entries[c->nent++] = (struct kvm_cpuid_entry2){
		.function = function, .index = index, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx};
}

static const struct kvm_cpuid_entry2 *
leaf(uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function && c->entries[i].index == index)
			return &c->entries[i];
	abort();
}

int
main(void)
{
	c = calloc(1, sizeof(*c) + 16 * sizeof(c->entries[0]));
	if (!c)
		return 1;
	add(1, 0, 0x806f8, 5U << 24 | 16 << 16 | 0x800, 0, 0);
	add(4, 3, 0x1c03c163, 0, 0, 0);
	for (uint32_t i = 0; i < 3; i++) {
		add(0xb, i, i ? 4 : 1, i ? 16 : 2, (i + 1) << 8 | i, 5);
		add(0x1f, i, i ? 4 : 1, i ? 16 : 2, (i + 1) << 8 | i, 5);
	}
	cpuid_for_vcpu(c, 2, 3, true);
	ok(leaf(1, 0)->ebx == (2U << 24 | 4 << 16 | 0x800), "leaf 1: APIC id 2, room for 4");
	ok(leaf(1, 0)->ecx == (1U << 31 | 1 << 24) && leaf(1, 0)->edx == 1U << 28, "a hypervisor, the deadline timer, several cores");
	ok(leaf(4, 3)->eax >> 26 == 3 && (leaf(4, 3)->eax >> 14 & 0xfff) == 3, "leaf 4: all share the last cache");
	ok(leaf(0xb, 0)->eax == 0 && leaf(0xb, 0)->ebx == 1 && leaf(0xb, 0)->ecx == 0x100 && leaf(0xb, 0)->edx == 2,
	    "leaf 0xb: one thread a core, x2APIC id 2");
	ok(leaf(0xb, 1)->eax == 2 && leaf(0xb, 1)->ebx == 3 && leaf(0xb, 1)->ecx == 0x201, "three cores in two bits");
	ok(leaf(0xb, 2)->ebx == 0 && leaf(0xb, 2)->ecx == 2, "and no level more");
	for (uint32_t i = 0; i < 3; i++)
		ok(!leaf(0x1f, i)->eax && !leaf(0x1f, i)->ebx && leaf(0x1f, i)->ecx == i && leaf(0x1f, i)->edx == 2,
		    "leaf 0x1f, level %u: nothing of the host's", i);
	cpuid_for_vcpu(c, 0, 1, false);
	ok(leaf(1, 0)->ebx == (1 << 16 | 0x800) && !leaf(1, 0)->edx && leaf(0xb, 1)->ebx == 1, "one processor");
	free(c);
	return tap_done();
}
