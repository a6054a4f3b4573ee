/* SPDX-License-Identifier: ISC */
/* What the guest's CPUID instruction says. */
#ifndef KVM_RUN_CPUID_H
#define KVM_RUN_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

/* What KVM supports on this host, one allocated table for all vCPUs, or NULL with errno. */
struct kvm_cpuid2 *cpuid_supported(int kvm_fd);

/* Makes it one vCPU's: APIC id, counts, TSC deadline timer, KVM's hints. */
void cpuid_for_vcpu(struct kvm_cpuid2 *c, unsigned index, unsigned count, bool tsc_deadline);

#endif
