/* SPDX-License-Identifier: ISC */
/* Processes that outlive the command that starts them, to take back later what it did. */
#ifndef COMMON_KEEPER_H
#define COMMON_KEEPER_H

#include <stddef.h>

/*
 * Starts a process that is nobody's child, in a session of its own, deaf to signals that can be ignored; of descriptors it has
 * keep[0..n), standard error, and /dev/null for the other two; of rights the capability cap alone (CAP_NET_ADMIN...). It calls
 * run(arg) and exits with what that returns. All others have been closed there, and run has called keeper_ready, when this returns 0;
 * or -errno when there is none: -ECANCELED when it ended before, and said why.
 */
int keeper_start(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg);

/* In the keeper: from here on it will do what it is for. */
void keeper_ready(void);

/*
 * As keeper_start with CAP_NET_ADMIN: undo(arg) is called once every copy of the descriptor that is returned has been closed, however those ended
 * who held it. What the hold wires of $VM_WIRES hold is held till then, so that what was set up before is taken back after.
 * undo may use netlink, memory, files (to set what /proc/sys has) and nanosleep, and has no other system calls. The descriptor is
 * close-on-exec. -errno when there is none.
 */
int keeper_hold(const char *title, const int *keep, size_t n, int (*undo)(void *arg), void *arg);

#endif
