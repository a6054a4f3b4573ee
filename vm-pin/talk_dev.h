/* SPDX-License-Identifier: ISC */
/* A control connection, for those who speak the two languages on it. */
#ifndef VM_PIN_TALK_DEV_H
#define VM_PIN_TALK_DEV_H

#include <stdint.h>

#include "vm-pin/talk.h"

struct talk {
	int fd;
	bool qmp;
	char *text; /* TALK_MAX bytes, of which [from, to) came and were not taken */
	size_t from, to;
	size_t taken;	  /* bytes of this answer */
	int64_t deadline; /* of this answer */
};

/* Sends a line, its newline included, and begins an answer. False, with errno. */
bool talk_say(struct talk *t, const char *line);

/*
 * The answer's next line, NUL-terminated in place of its newline, good until the next call. NULL with errno: ETIMEDOUT, EMSGSIZE
 * beyond TALK_MAX, ECONNRESET at its end.
 */
char *talk_line(struct talk *t);

/* A list that grows; false when it is full, or there is no memory. */
struct talk_list {
	struct talk_thread *v;
	size_t n;
};
bool talk_add(struct talk_list *l, const struct talk_thread *thread);

/* The two languages. NULL, or why not: errno's text, or that of the peer in w. */
const char *talk_ctl_threads(struct talk *t, struct talk_list *l, struct why *w);
const char *talk_qmp_threads(struct talk *t, struct talk_list *l, struct why *w);
uint64_t talk_ctl_memory(struct talk *t);
uint64_t talk_qmp_memory(struct talk *t);

#endif
