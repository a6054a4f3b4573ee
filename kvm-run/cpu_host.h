/* SPDX-License-Identifier: ISC */
/* What this host's processor and KVM can give a guest. */
#ifndef KVM_RUN_CPU_HOST_H
#define KVM_RUN_CPU_HOST_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/cpu_features.h"

struct cpu_host {
	struct kvm_cpuid2 *table;   /* what KVM supports; owned */
	struct cpu_features has;    /* the same as features, with those that KVM tells of elsewhere */
	struct cpu_features may;    /* and with those that a guest has only when they are asked for */
	char vendor[13];
	unsigned phys_bits;	    /* of guest-physical addresses */
	bool deadline;		    /* the local APIC's timer has the TSC deadline mode */
	unsigned exits;		    /* KVM_X86_DISABLE_EXITS_*: which exits it can leave out */
};

/* One MSR, as KVM_GET_MSRS and KVM_SET_MSRS take it. */
union cpu_msr {
	struct kvm_msrs head;
	uint8_t space[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

/* Asks KVM. 0, or -1 with errno. */
int cpu_host_read(struct cpu_host *h, int kvm_fd);
void cpu_host_free(struct cpu_host *h);

/* Fills the rest from h->table, which a test may have made. */
void cpu_host_derive(struct cpu_host *h);

#endif
