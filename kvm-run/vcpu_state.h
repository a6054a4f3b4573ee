/* SPDX-License-Identifier: ISC */
/* A vCPU's state as KVM gives and takes it. */
#ifndef KVM_RUN_VCPU_STATE_H
#define KVM_RUN_VCPU_STATE_H

struct vcpu;
struct vcpu_state;

/* All that a guest can change, in one allocation; NULL with errno. The vCPU is not running. */
struct vcpu_state *vcpu_state_get(const struct vcpu *v);

/* Puts it back. NULL, or what failed (errno says why). */
const char *vcpu_state_set(const struct vcpu *v, const struct vcpu_state *s);

#endif
