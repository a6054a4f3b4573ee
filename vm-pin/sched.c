/* SPDX-License-Identifier: ISC */
/* Scheduling classes; the contracts are in sched.h. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-pin/sched.h"

#define NICE_MIN (-20)
#define NICE_MAX 19
#define PRIORITY_MAX 99

static const struct class {
	const char *name;
	uint32_t policy;
	bool real_time;
} classes[] = {
    {"other", SCHED_OTHER, false},
    {"batch", SCHED_BATCH, false},
    {"idle", SCHED_IDLE, false},
    {"fifo", SCHED_FIFO, true},
    {"rr", SCHED_RR, true},
};

static bool
parse_value(struct sched *s, const struct class *c, const char *text)
{
	uint64_t n;

	if (c->real_time) {
		if (!num_parse(text, 1, PRIORITY_MAX, &n))
			return false;
		s->priority = (uint32_t)n;
	} else if (*text == '-') {
		if (!num_parse(text + 1, 0, -NICE_MIN, &n))
			return false;
		s->nice = -(int32_t)n;
	} else {
		if (!num_parse(text, 0, NICE_MAX, &n))
			return false;
		s->nice = (int32_t)n;
	}
	return true;
}

const char *
sched_parse(struct sched *s, const char *text, struct why *w)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	for (const struct class *c = classes; c < classes + ARRAY_LEN(classes); c++) {
		if (strlen(c->name) != len || strncmp(c->name, text, len))
			continue;
		*s = (struct sched){.size = sizeof(*s), .policy = c->policy, .priority = c->real_time};
		if (!colon || parse_value(s, c, colon + 1))
			return NULL;
		return c->real_time ? why(w, "%s: not a priority from 1 to %d", colon + 1, PRIORITY_MAX) :
				      why(w, "%s: not a nice value from %d to %d", colon + 1, NICE_MIN, NICE_MAX);
	}
	return why(w, "%.*s: no such class (other, batch, idle, fifo, rr)", (int)len, text);
}

const char *
sched_text(const struct sched *s, char text[SCHED_TEXT])
{
	const struct class *c = classes;

	while (c < classes + ARRAY_LEN(classes) && c->policy != s->policy)
		c++;
	if (c == classes + ARRAY_LEN(classes))
		snprintf(text, SCHED_TEXT, "policy%u", s->policy);
	else if (c->real_time)
		snprintf(text, SCHED_TEXT, "%s:%u", c->name, s->priority);
	else if (s->nice)
		snprintf(text, SCHED_TEXT, "%s:%d", c->name, s->nice);
	else
		snprintf(text, SCHED_TEXT, "%s", c->name);
	return text;
}

int
sched_get(pid_t tid, struct sched *s)
{
	return syscall(SYS_sched_getattr, tid, s, sizeof(*s), 0) < 0 ? -errno : 0;
}

int
sched_set(pid_t tid, const struct sched *s)
{
	return syscall(SYS_sched_setattr, tid, s, 0) < 0 ? -errno : 0;
}
