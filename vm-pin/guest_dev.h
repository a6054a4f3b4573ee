/* SPDX-License-Identifier: ISC */
/* A guest, for the files that find out about one. */
#ifndef VM_PIN_GUEST_DEV_H
#define VM_PIN_GUEST_DEV_H

#include "vm-pin/guest.h"

/* What the name of a thread says it is, in a program of that kind. Not which vCPU: names may repeat, or be the user's. */
void thread_classify(struct guest_thread *t, const struct guest *g);

/*
 * Finds the vCPUs of a process whose threads' names do not tell, by the descriptors of KVM's vCPUs that it has open. False when
 * it has none, or they cannot be told apart; errno is EACCES when they are not for this user to see.
 */
bool guest_vcpus_by_fd(struct guest *g);

/* Appends the kernel's threads that serve the guest's vhost devices: before Linux 6.4 they are none of its process. */
void guest_add_vhost(struct guest *g);

/* The number that a thread or process has in its own pid namespace; 0 when it is not there. */
pid_t guest_inner_id(const struct guest *g, pid_t tid);

/* Appends a thread; false without memory. */
bool guest_add_thread(struct guest *g, const struct guest_thread *t);

/* A name that a process gave itself may hold tabs and line ends, which are no part of a table: they become '?'. */
void guest_clean_name(char *name);

/* The kind of program, and the guest's name, from the command line. */
void guest_identify(struct guest *g);

#endif
