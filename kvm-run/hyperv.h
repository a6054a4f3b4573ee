/* SPDX-License-Identifier: ISC */
/* Hyper-V's interface, as KVM emulates it, for guests that know it: Windows, above all. The enlightenments are told in CPUID
 * leaves of their own (Hypervisor Top-Level Functional Specification 6.0b, 2.4); the work is KVM's. */
#ifndef KVM_RUN_HYPERV_H
#define KVM_RUN_HYPERV_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/why.h"

struct vcpu;

/* What was asked for. All zero: nothing. */
struct hyperv {
	uint32_t on;	    /* a bit for each row of the table in hyperv.c */
	bool recommended;   /* what this host's KVM has of those that help; beside `on` */
	uint32_t spinlocks; /* tries before the hypervisor is told of a busy lock; 0: never */
	char vendor[13];    /* in place of "Microsoft Hv" */
};

/* Takes one word of -M: "hv", "hv-time", "hv-spinlocks" with value "8191"; value NULL or "on" turns on, "off" off. False: it is
 * none of these, or the value no good. */
bool hyperv_word(struct hyperv *h, const char *key, const char *value);

static inline bool
hyperv_wanted(const struct hyperv *h)
{
	return h->on || h->recommended || h->spinlocks || h->vendor[0];
}

/* Turns `recommended` into what KVM has, and checks the rest. NULL, or the reason, naming all that KVM does not have. */
const char *hyperv_resolve(struct hyperv *h, int kvm_fd, struct why *w);

/* The leaves from 40000000 on, written to `at`; their number, at most HYPERV_LEAVES. */
#define HYPERV_LEAVES 16
unsigned hyperv_leaves(const struct hyperv *h, struct kvm_cpuid_entry2 *at);

/* Turns on for a new vCPU what KVM wants to be told of, before its CPUID is set. NULL or what failed, errno says why. */
const char *hyperv_vcpu(const struct hyperv *h, int vcpu_fd);

/* KVM_EXIT_HYPERV: a write to the controller of synthetic interrupts, or a hypercall that is not KVM's own. vCPU thread. */
void hyperv_exit(struct kvm_run *run);

#endif
