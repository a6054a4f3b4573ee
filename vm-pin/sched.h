/* SPDX-License-Identifier: ISC */
/* Scheduling classes: other, batch, idle with a nice value, fifo and rr with a priority; sched(7). */
#ifndef VM_PIN_SCHED_H
#define VM_PIN_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/why.h"

#define SCHED_TEXT 24

/* As sched_setattr(2) has it; libc does not. */
struct sched {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Reads "fifo:10", "batch:-5", "idle"; a priority is 1 and a nice value 0 unless given. NULL, or why it is no class. */
const char *sched_parse(struct sched *s, const char *text, struct why *w);

/* The same words; returns text. */
const char *sched_text(const struct sched *s, char text[SCHED_TEXT]);

/* Of a thread: 0 or -errno. */
int sched_get(pid_t tid, struct sched *s);
int sched_set(pid_t tid, const struct sched *s);

#endif
