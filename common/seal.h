/* SPDX-License-Identifier: ISC */
/* Giving up rights after set-up: user, capabilities, seccomp. Each function dies when it cannot. */
#ifndef COMMON_SEAL_H
#define COMMON_SEAL_H

/* Becomes USER (see user.h) with its groups; no way back. -U of the loaders. Nothing when one is USER already. */
void seal_user(const char *word);

/* Becomes nobody, with no groups, if root. Where no other user is mapped (a user namespace) it stays what it is. */
void seal_nobody(void);

/* No new privileges, no capabilities (bounding and ambient ones included), no core files. */
void seal_privileges(void);
/* As seal_privileges, but for one capability (CAP_NET_ADMIN...), which is kept where it was there. */
void seal_privileges_but(int cap);

/*
 * Confines the calling thread to the system calls named (an allow-list; anything else kills the process with SIGSYS).
 * names ends with NULL. A name the running kernel or libseccomp does not know is passed over; tgkill and prlimit64 are for
 * the caller's own process only, so that no other can be signalled by what has no kill. Under sanitizers it does nothing:
 * their run time needs calls of its own.
 */
void seal_syscalls(const char *const *names);

/*
 * Takes system calls back that the calling thread had, names as above: they fail with EPERM, since libc's malloc opens files of
 * /proc and /sys when it comes to that, and does without them.
 */
void seal_syscalls_less(const char *const *names);

/* Files are opened for reading only, or it is the end: by openat, the list being without its kin. */
void seal_read_only(void);

#endif
