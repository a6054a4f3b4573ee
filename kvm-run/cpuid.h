/* SPDX-License-Identifier: ISC */
/* What the guest's CPUID instruction says: the table of leaves that KVM is given for each vCPU. */
#ifndef KVM_RUN_CPUID_H
#define KVM_RUN_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct topology;

#define CPUID_ENTRIES_MAX 256 /* KVM takes no more */

enum cpuid_vendor { CPUID_INTEL, CPUID_AMD, CPUID_OTHER };

/* The entry, or NULL. */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t function, uint32_t index);

/* The entry, a new one of zeroes if there was none; NULL: the table is full. */
struct kvm_cpuid_entry2 *cpuid_add(struct kvm_cpuid2 *c, uint32_t function, uint32_t index);

/* Whose processor the table describes: Hygon's are AMD's. */
enum cpuid_vendor cpuid_vendor(struct kvm_cpuid2 *c);

/* Makes it the table of vCPU `index` (cpuid_topology.c): the leaves that tell of threads, cores, sockets, and of who shares a
 * cache. The rest is made in cpu_guest.c, once for all of them. */
void cpuid_topology(struct kvm_cpuid2 *c, const struct topology *t, unsigned index);

#endif
