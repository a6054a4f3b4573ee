/* SPDX-License-Identifier: ISC */
/* The process that a loader leaves behind to serve the wire that it hands on, or the same service in the foreground. */
#ifndef COMMON_BACKEND_H
#define COMMON_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/loop.h"

/*
 * Forks a process that is nobody's child, since the program to be run must not find one that it did not start, in a session of
 * its own, since others may depend on it when the program's terminal or service is stopped. True in it: its input and output
 * are /dev/null, so that no pipeline waits for it, errors still go to stderr, and of the other descriptors only keep[0..n) are
 * open (any order, -1: none). False in the caller, once the other has called backend_ready; when it ends before, the caller
 * exits with diag_exit: it has said why.
 */
bool backend_fork(const int *keep, size_t n);

/* In the backend: what it is for can be used now. */
void backend_ready(void);

/* The service can be used: backend_ready in a backend, in the foreground ready_announce(fd), of -R. */
void backend_announce(int fd);

/* Part of the struct that `ended` finds by container_of. */
struct backend_signals {
	struct watch watch;
	void (*ended)(struct backend_signals *s, pid_t pid, int status);
};

/*
 * From now on TERM and, in the foreground, INT and HUP stop the loop; `ended` hears of each child that has ended. These signals
 * are blocked. The terminal's are for the program that was started: a backend ignores them. So is PIPE by both. Until exit;
 * dies when it cannot be done.
 */
void backend_watch(struct backend_signals *s, struct loop *l, void (*ended)(struct backend_signals *s, pid_t pid, int status));

/* A newline to fd (-R; -1: none), and the end of it. A reader that has gone is no reason to stop. */
void backend_tell(int fd);

#endif
