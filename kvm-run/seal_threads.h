/* SPDX-License-Identifier: ISC */
/* kvm-run's allow-lists of system calls, one for each kind of thread. Why each call is there stands in seal_threads.c. */
#ifndef KVM_RUN_SEAL_THREADS_H
#define KVM_RUN_SEAL_THREADS_H

/* For the calling thread, once, before it handles anything of the guest. Dies when it cannot. A thread created after
 * seal_thread_main inherits that list, so the others are subsets of it. */
void seal_thread_main(void);
void seal_thread_io(void);
void seal_thread_vcpu(void);

#endif
