/* SPDX-License-Identifier: ISC */
/* CPUID: the host's features as KVM offers them, with the few leaves that differ between vCPUs. One socket, N cores. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kvm-run/cpuid.h"

#define ENTRIES_MAX 512

static bool
has(const struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function && c->entries[i].index == index)
			return true;
	return false;
}

/* KVM offers the topology leaf without its levels, which only we know. */
static void
add_topology(struct kvm_cpuid2 *c)
{
	for (uint32_t level = 1; has(c, 0xb, 0) && level <= 2; level++)
		if (!has(c, 0xb, level) && c->nent < ENTRIES_MAX)
			c->entries[c->nent++] = (struct kvm_cpuid_entry2){
				.function = 0xb, .index = level, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX};
}

struct kvm_cpuid2 *
cpuid_supported(int kvm_fd)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + ENTRIES_MAX * sizeof(c->entries[0]));

	if (!c)
		return NULL;
	c->nent = ENTRIES_MAX;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, c) < 0) {
		free(c);
		return NULL;
	}
	add_topology(c);
	return c;
}

/* Bits of an APIC id that number `count` cores: the smallest power of two that holds them. */
static unsigned
id_bits(unsigned count)
{
	unsigned bits = 0;

	while (1U << bits < count)
		bits++;
	return bits;
}

/* Leaf 0xb (Intel SDM vol. 2, CPUID): level 0 threads, level 1 cores, then an empty one. */
static void
topology(struct kvm_cpuid_entry2 *e, unsigned index, unsigned count)
{
	static const unsigned level_type[] = {1, 2}; /* SMT, core */

	e->ecx = e->index & 0xff;
	e->eax = e->ebx = 0;
	if (e->index < 2) {
		e->eax = e->index ? id_bits(count) : 0;
		e->ebx = e->index ? count : 1;
		e->ecx |= level_type[e->index] << 8;
	}
	e->edx = index;
}

static void
fix(struct kvm_cpuid_entry2 *e, unsigned index, unsigned count, bool tsc_deadline)
{
	unsigned logical = 1U << id_bits(count);

	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0xffff) | index << 24 | (logical > 255 ? 255 : logical) << 16;
		e->ecx |= 1U << 31; /* a hypervisor is present */
		if (tsc_deadline)
			e->ecx |= 1U << 24;
		e->edx = count > 1 ? e->edx | 1U << 28 : e->edx & ~(1U << 28); /* HTT: the count above is valid */
		break;
	case 4: /* Intel: cores of the package, threads that share the cache (L3 all, L1 and L2 none) */
		if (!(e->eax & 0x1f))
			break;
		e->eax = (e->eax & 0x3fff) | ((logical > 64 ? 64 : logical) - 1) << 26;
		if ((e->eax >> 5 & 7) == 3)
			e->eax |= (logical - 1) << 14;
		break;
	case 0xb:
		topology(e, index, count);
		break;
	case 0x1f: /* Intel's second leaf of topology, which guests ask first; some kernels offer the host's: there is none */
		e->eax = e->ebx = 0;
		e->ecx = e->index & 0xff;
		e->edx = index;
		break;
	case 0x80000001:
		/* AMD: the legacy way of counting cores is meant, also for one. */
		e->ecx = count > 1 ? e->ecx | 2 : e->ecx & ~2U;
		break;
	case 0x80000008: /* AMD: cores and bits of the APIC id */
		e->ecx = count > 1 ? id_bits(count) << 12 | ((count > 256 ? 256 : count) - 1) : 0;
		break;
	case 0x8000001d: /* AMD's leaf 4 */
		e->eax = (e->eax & 0x3fff) | ((e->eax >> 5 & 7) == 3 ? (logical - 1) << 14 : 0);
		break;
	case 0x8000001e: /* AMD: extended APIC id, core id with one thread a core, one node */
		e->eax = index;
		e->ebx = index & 0xff;
		e->ecx = 0;
		break;
	}
}

void
cpuid_for_vcpu(struct kvm_cpuid2 *c, unsigned index, unsigned count, bool tsc_deadline)
{
	for (uint32_t i = 0; i < c->nent; i++)
		fix(&c->entries[i], index, count, tsc_deadline);
}
