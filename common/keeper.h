/* SPDX-License-Identifier: ISC */
/* Processes that outlive the command that starts them, to take back later what it did. */
#ifndef COMMON_KEEPER_H
#define COMMON_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#define KEEPER_ALL_RIGHTS (-1)
#define KEEPER_NO_RIGHTS (-2)

/*
 * Starts a process that is nobody's child, in a session of its own, deaf to signals that can be ignored; of descriptors it has
 * keep[0..n), standard error, and /dev/null for the other two; of rights the capability cap alone (CAP_NET_ADMIN...), none, or
 * all, which run is to give up. It calls run(arg) and exits with what that returns. What would be left over if the caller were
 * killed between doing it and this call, run does. When this returns 0, all other descriptors have been closed there, and run
 * has called keeper_ready; -errno when there is no process: -ECANCELED when it ended before, and said why, -ENOENT when there
 * is nothing that it would be for.
 */
int keeper_start(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg);

/* In the keeper: from here on it will do what it is for. */
void keeper_ready(void);
/* In its place: there is nothing that it would be for. It exits. */
_Noreturn void keeper_needless(void);

/*
 * As keeper_start, but cap is what undo has: undo(arg) is called once every copy of the descriptor that is returned has been closed,
 * however those ended who held it. Before, make(arg), which may be NULL, does there, with all rights, what is to be taken back:
 * so it is, also when the caller is killed meanwhile. False: nothing was to be done (-ENOENT). It says itself why it failed, and
 * exits (-ECANCELED). What the hold wires of $VM_WIRES hold is held till then, so that what was set up before is taken back
 * after. undo may use netlink, memory, files (to set what /proc/sys has) and nanosleep, and has no other system calls. The
 * descriptor is close-on-exec. -errno when there is none.
 */
int keeper_hold(const char *title, int cap, const int *keep, size_t n, bool (*make)(void *arg), int (*undo)(void *arg), void *arg);

#endif
