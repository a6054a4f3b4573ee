/* SPDX-License-Identifier: ISC */
/* What KVM itself has counted. */
#ifndef KVM_RUN_STATS_KVM_H
#define KVM_RUN_STATS_KVM_H

struct stats_sink;

/* Opens the counters of a vCPU, which does not run: while it does, KVM would let us wait. -1 where the kernel does not tell (it
 * does since Linux 5.14). */
int stats_kvm_open(int vcpu_fd);

/* Those that tell something. Nothing for -1. */
void stats_kvm(struct stats_sink *s, int fd);

#endif
