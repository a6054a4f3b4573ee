/* SPDX-License-Identifier: ISC */
/* The guest's processor: what -M asked for, made of what the host has. */
#ifndef KVM_RUN_CPU_GUEST_H
#define KVM_RUN_CPU_GUEST_H

#include <linux/kvm.h>
#include <stdint.h>

#include "common/why.h"
#include "kvm-run/cpu_features.h"
#include "kvm-run/cpu_host.h"
#include "kvm-run/cpu_models.h"
#include "kvm-run/cpu_option.h"

struct vm;

struct cpu_guest {
	struct cpu_features has;
	struct cpu_identity is;	    /* of a named model */
	unsigned phys_bits;
	const char *vendor;	    /* the option's or the host's */
	struct hyperv hv;
	uint64_t tsc_hz;	    /* asked for, or 0 */
	bool own_capabilities;	    /* the MSR of CPU_ARCH_CAPABILITIES is not as KVM has it by itself */
};

/* What the option asks for, whether or not the host has it. The option and the host outlive it. */
void cpu_guest_want(struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h);

/* What of it the host lacks. */
struct cpu_features cpu_guest_lacks(const struct cpu_guest *g, const struct cpu_host *h);

/* Its CPUID, the same for all vCPUs but for who is who; allocated with room for CPUID_ENTRIES_MAX, NULL with errno. */
struct kvm_cpuid2 *cpu_guest_table(const struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h);

/* Sets vm->cpu and vm->cpuid from vm->opt.cpu, and the VM's own settings; before the first vCPU. Dies: 2 when the host cannot
 * give what was asked for. */
void cpu_guest_create(struct vm *vm);

/* A new vCPU, before it is given vm->cpuid: its clock, its enlightenments, its MSRs. NULL or what failed, errno says why. */
const char *cpu_guest_vcpu(struct vm *vm, int vcpu_fd);

#endif
