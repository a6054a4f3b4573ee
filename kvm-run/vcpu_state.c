/* SPDX-License-Identifier: ISC */
/* Reading and writing a vCPU's state. The order of writing is that of the KVM API's notes: MSRs after the local APIC. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/util.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vcpu_state.h"
#include "kvm-run/vm.h"

#define MSRS_MAX 1024
#define MSR_TSC 0x10

struct vcpu_state {
	bool nests;
	struct kvm_nested_state nested; /* as long as it is outside of VMX and SVM, which a fresh one is */
	struct kvm_mp_state mp_state;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[MSRS_MAX];
	} msrs;
	struct kvm_xsave xsave; /* and what of it, with AMX's tiles, goes beyond a page */
};

/* What travels by one ioctl each way, in the order of setting. */
static const struct part {
	const char *name;
	unsigned long get, set;
	size_t off;
} parts[] = {
	{"KVM_SET_XSAVE", KVM_GET_XSAVE, KVM_SET_XSAVE, offsetof(struct vcpu_state, xsave)},
	{"KVM_SET_XCRS", KVM_GET_XCRS, KVM_SET_XCRS, offsetof(struct vcpu_state, xcrs)},
	{"KVM_SET_SREGS", KVM_GET_SREGS, KVM_SET_SREGS, offsetof(struct vcpu_state, sregs)},
	{"KVM_SET_REGS", KVM_GET_REGS, KVM_SET_REGS, offsetof(struct vcpu_state, regs)},
	{"KVM_SET_DEBUGREGS", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, offsetof(struct vcpu_state, debugregs)},
	{"KVM_SET_LAPIC", KVM_GET_LAPIC, KVM_SET_LAPIC, offsetof(struct vcpu_state, lapic)},
	{"KVM_SET_MP_STATE", KVM_GET_MP_STATE, KVM_SET_MP_STATE, offsetof(struct vcpu_state, mp_state)},
	{"KVM_SET_VCPU_EVENTS", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, offsetof(struct vcpu_state, events)},
};

/* Which MSRs KVM would have us save; the time-stamp counter runs on over a reset, in step with the other vCPUs. */
static int
list_msrs(const struct vcpu *v, struct vcpu_state *s)
{
	struct {
		struct kvm_msr_list head;
		uint32_t indices[MSRS_MAX];
	} list = {.head.nmsrs = MSRS_MAX};

	if (ioctl(v->vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, &list) < 0)
		return -1;
	for (uint32_t i = 0; i < list.head.nmsrs; i++)
		if (list.indices[i] != MSR_TSC)
			s->msrs.entries[s->msrs.head.nmsrs++].index = list.indices[i];
	return 0;
}

/* Reads the list's values; an MSR this vCPU does not have ends KVM's loop, so it is struck out and the loop repeated. */
static int
get_msrs(const struct vcpu *v, struct vcpu_state *s)
{
	struct kvm_msrs *m = &s->msrs.head;

	if (list_msrs(v, s) < 0)
		return -1;
	for (;;) {
		int n = ioctl(v->fd, KVM_GET_MSRS, m);

		if (n < 0)
			return -1;
		if ((uint32_t)n >= m->nmsrs)
			return 0;
		s->msrs.entries[n] = s->msrs.entries[--m->nmsrs];
	}
}

struct vcpu_state *
vcpu_state_get(const struct vcpu *v)
{
	int xsave = ioctl(v->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	bool large = xsave > (int)sizeof(struct kvm_xsave); /* then KVM_GET_XSAVE fails, and KVM_SET_XSAVE takes all of it */
	struct vcpu_state *s = calloc(1, offsetof(struct vcpu_state, xsave) + (large ? (size_t)xsave : sizeof(struct kvm_xsave)));

	if (!s)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		bool all = large && parts[i].get == KVM_GET_XSAVE;

		if (ioctl(v->fd, all ? KVM_GET_XSAVE2 : parts[i].get, (char *)s + parts[i].off) < 0) {
			free(s);
			return NULL;
		}
	}
	if (get_msrs(v, s) < 0) {
		free(s);
		return NULL;
	}
	s->nested.size = sizeof(s->nested);
	s->nests = ioctl(v->fd, KVM_GET_NESTED_STATE, &s->nested) == 0;
	return s;
}

const char *
vcpu_state_set(const struct vcpu *v, const struct vcpu_state *s)
{
	struct kvm_mp_state mp_state;

	/* An INIT or a SIPI that it has not looked at would outlive what follows; asking has KVM take it in. */
	ioctl(v->fd, KVM_GET_MP_STATE, &mp_state);
	/* First of all: a processor in VMX operation refuses registers that only one outside of it can have. */
	if (s->nests && ioctl(v->fd, KVM_SET_NESTED_STATE, &s->nested) < 0)
		return "KVM_SET_NESTED_STATE";
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (ioctl(v->fd, parts[i].set, (const char *)s + parts[i].off) < 0)
			return parts[i].name;
	/* Fewer than all were taken: those are read-only ones that the guest could not have changed either. */
	return ioctl(v->fd, KVM_SET_MSRS, &s->msrs.head) < 0 ? "KVM_SET_MSRS" : NULL;
}
