/* SPDX-License-Identifier: ISC */
/* Giving up rights after set-up: user, capabilities, namespaces, seccomp. Each function dies when it cannot. */
#ifndef COMMON_SEAL_H
#define COMMON_SEAL_H

#include <stddef.h>

/* Becomes USER (name or number) with its groups; no way back. -U of the loaders. */
void seal_user(const char *user);

/* No new privileges, no core dumps of guest memory, no capabilities. */
void seal_privileges(void);

/*
 * Confines the calling thread to the system calls named (an allow-list; anything else kills the process with SIGSYS).
 * names ends with NULL. A name the running kernel or libseccomp does not know is passed over. Under sanitizers it does
 * nothing: their run time needs calls of its own.
 */
void seal_syscalls(const char *const *names);

#endif
