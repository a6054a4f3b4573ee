/* SPDX-License-Identifier: ISC */
/* The sealed room that the stack works in: its own namespaces, a root with nothing in it, few system calls. */
#ifndef VM_SLIRP_ROOM_H
#define VM_SLIRP_ROOM_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork(2) into user, mount, IPC, UTS and PID namespaces of its own, as far as this machine allows them; never into a
 * network namespace, for the host's network is what the stack is there to reach. *walled says, in both processes,
 * whether the mount namespace could be had. -1 with errno.
 */
pid_t room_fork(bool *walled);

/*
 * In the child, with a mount namespace: makes a new root of a little tmpfs that holds etc/resolv.conf (a copy that is to
 * be kept up to date through *resolv), and tftp, a read-only view of tftp_dir when that is not NULL. False, and nothing
 * changed, where a namespace is given but no right to mount in it (AppArmor does that). Dies when it fails half-way.
 */
bool room_enter(const char *tftp_dir, int *resolv);

/* Gives up everything else: root, capabilities, all system calls but those libslirp needs. Dies when it cannot. */
void room_seal(void);

#endif
