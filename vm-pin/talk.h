/* SPDX-License-Identifier: ISC */
/*
 * Asking a VMM over its control connection: kvm-run's ctl (lines of tab-separated fields, then ok or no) or QEMU's QMP (JSON
 * objects). The peer may be hostile: each question is answered within TALK_SECONDS and TALK_MAX bytes, or not at all.
 */
#ifndef VM_PIN_TALK_H
#define VM_PIN_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/why.h"

#define TALK_SECONDS 5
#define TALK_MAX (1 << 20)
#define TALK_THREADS_MAX 8192

struct talk;

/* A thread that the VMM says it has; the number is one of the VMM's own pid namespace. */
struct talk_thread {
	pid_t tid;
	bool io;	/* an iothread, else a vCPU */
	unsigned index; /* of a vCPU */
};

/* Finds out what speaks at the other end of a connected stream socket, which it takes, whatever comes of it. NULL with *why. */
struct talk *talk_open(int fd, const char **why, struct why *w);
void talk_close(struct talk *t); /* NULL: nothing */

/* Whoever listened for the connection, or made the pair of sockets, as the kernel has it; uid -1 where it does not know. */
void talk_peer(const struct talk *t, pid_t *pid, uid_t *uid);

/* The threads, *n of them, vCPUs among them, in an array to be freed; NULL with *why. */
struct talk_thread *talk_threads(struct talk *t, size_t *n, const char **why, struct why *w);

/* RAM in bytes, with what was plugged in; 0 when it will not say. */
uint64_t talk_memory(struct talk *t);

#endif
