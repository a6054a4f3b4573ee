/* SPDX-License-Identifier: ISC */
/* Tables of CPUID's leaves; the contracts are in cpuid.h. */
#include <string.h>

#include "kvm-run/cpuid.h"

struct kvm_cpuid_entry2 *
cpuid_find(struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function == function && c->entries[i].index == index)
			return &c->entries[i];
	return NULL;
}

/* Leaves whose ecx counts: KVM answers with the entry of that index, and not with the first of the leaf. */
static bool
is_indexed(uint32_t function)
{
	switch (function) {
	case 4:
	case 7:
	case 0xb:
	case 0xd:
	case 0xf:
	case 0x10:
	case 0x12:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1d:
	case 0x1e:
	case 0x1f:
	case 0x8000001d:
		return true;
	default:
		return false;
	}
}

struct kvm_cpuid_entry2 *
cpuid_add(struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e = cpuid_find(c, function, index);

	if (e || c->nent == CPUID_ENTRIES_MAX)
		return e;
	e = &c->entries[c->nent++];
	*e = (struct kvm_cpuid_entry2){.function = function, .index = index,
	    .flags = is_indexed(function) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0};
	return e;
}

enum cpuid_vendor
cpuid_vendor(struct kvm_cpuid2 *c)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0, 0);
	uint32_t name[3] = {0};

	if (e)
		memcpy(name, (const uint32_t[]){e->ebx, e->edx, e->ecx}, sizeof(name));
	if (!memcmp(name, "GenuineIntel", sizeof(name)))
		return CPUID_INTEL;
	return !memcmp(name, "AuthenticAMD", sizeof(name)) || !memcmp(name, "HygonGenuine", sizeof(name)) ? CPUID_AMD :
													     CPUID_OTHER;
}
