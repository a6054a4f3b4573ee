/* SPDX-License-Identifier: ISC */
/* Changes; the contracts are in change.h. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-pin/change.h"
#include "vm-pin/read.h"

#define PF_NO_SETAFFINITY 0x04000000 /* of field 9 of /proc/PID/stat; include/linux/sched.h */

bool
cpus_any(const struct cpus *c)
{
	return cpus_count(c) == CPUS_MAX;
}

const char *
thread_label(const struct guest_thread *t, char text[32])
{
	if (t->kind == THREAD_VCPU)
		snprintf(text, 32, "vcpu%u", t->index);
	else
		snprintf(text, 32, "%s", t->name);
	return text;
}

static int
get_cpus(pid_t tid, struct cpus *c)
{
	*c = (struct cpus){0};
	return sched_getaffinity(tid, sizeof(*c), (cpu_set_t *)c) < 0 ? -errno : 0;
}

static int
set_cpus(pid_t tid, const struct cpus *c)
{
	return sched_setaffinity(tid, sizeof(*c), (const cpu_set_t *)c) < 0 ? -errno : 0;
}

/* Fields 3, 9 and 22 of stat(5): state, flags and start time. Blanks and brackets may be in the name, field 2. False: it has ended. */
static bool
identity(const struct guest *g, const struct guest_thread *t, uint64_t *start, unsigned *flags)
{
	char path[48], text[1024], state;
	unsigned long long began;
	const char *rest;

	snprintf(path, sizeof(path), t->kernel ? "proc/%d/stat" : "task/%d/stat", (int)t->tid);
	if (!read_text(t->kernel ? g->root : g->proc, path, text, sizeof(text)))
		return false;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state, flags, &began) != 3)
		return false;
	if (state == 'Z' || state == 'X')
		return false;
	*start = began;
	return true;
}

uint64_t
guest_start(const struct guest *g)
{
	const struct guest_thread process = {.tid = g->pid};
	uint64_t start;
	unsigned flags;

	return identity(g, &process, &start, &flags) ? start : 0;
}

bool
change_same(const struct change *c, const struct guest *g)
{
	uint64_t start;
	unsigned flags;

	return identity(g, &c->thread, &start, &flags) && start == c->start;
}

/* What the kernel says in a number, of a thread, in words. */
static const char *
fault(struct change *c, int err, bool class, struct why *w)
{
	char text[SCHED_TEXT], list[CPULIST_TEXT];

	switch (err) {
	case -ESRCH:
		c->ended = true;
		return why(w, "has ended");
	case -EPERM:
		if (class)
			return why(w, "%s is not permitted (root, CAP_SYS_NICE or a limit is needed: ulimit -r, -e)", sched_text(&c->class, text));
		return why(w, "not permitted (its owner, root or CAP_SYS_NICE is needed)");
	case -EINVAL:
		if (!class)
			return why(w, "%s: offline, or not of its cpuset", cpus_text(&c->cpus, list, sizeof(list)));
		break;
	}
	return why(w, "%s", strerror(-err));
}

const char *
change_look(struct change *c, const struct guest *g, const struct cpus *online, bool *fixed, struct why *w)
{
	unsigned flags;
	int err;

	*fixed = false;
	if (!identity(g, &c->thread, &c->start, &flags))
		return fault(c, -ESRCH, false, w);
	if (c->moves && flags & PF_NO_SETAFFINITY) {
		*fixed = true;
		return NULL;
	}
	err = get_cpus(c->thread.tid, &c->cpus_before);
	if (!err && c->reclasses)
		err = sched_get(c->thread.tid, &c->class_before);
	if (err)
		return fault(c, err, c->reclasses, w);
	/* Of a thread that may run anywhere the kernel tells the CPUs that are online; on others it is to run once they are. */
	if (cpus_within(online, &c->cpus_before))
		memset(&c->cpus_before, 0xff, sizeof(c->cpus_before));
	return NULL;
}

static const char *
move(struct change *c, struct why *w)
{
	char list[CPULIST_TEXT];
	struct cpus now;
	int err = set_cpus(c->thread.tid, &c->cpus);

	c->moved = !err;
	if (!err)
		err = get_cpus(c->thread.tid, &now);
	if (err)
		return fault(c, err, false, w);
	if (cpus_any(&c->cpus) || cpus_equal(&now, &c->cpus))
		return NULL;
	cpus_without(&now, &c->cpus); /* an offline CPU makes the kernel let it run anywhere */
	if (!cpus_empty(&now))
		return why(w, "%s: offline", cpus_text(&c->cpus, list, sizeof(list)));
	get_cpus(c->thread.tid, &now);
	cpus_without(&c->cpus, &now);
	return why(w, "%s: offline, or not of its cpuset", cpus_text(&c->cpus, list, sizeof(list)));
}

const char *
change_make(struct change *c, const struct guest *g, struct why *w)
{
	const char *failed = NULL;
	int err;

	if (c->moves)
		failed = move(c, w);
	if (!failed && c->reclasses) {
		err = sched_set(c->thread.tid, &c->class);
		c->reclassed = !err;
		if (err)
			failed = fault(c, err, true, w);
	}
	/* A thread that ended may have left its number to another, which was none of our business. */
	if (!failed && !change_same(c, g))
		failed = fault(c, -ESRCH, false, w);
	return failed;
}

bool
change_take_back(struct change *c)
{
	char label[32];
	int err = 0;

	if (c->reclassed)
		err = sched_set(c->thread.tid, &c->class_before);
	if (c->moved) {
		int moved = set_cpus(c->thread.tid, &c->cpus_before);

		err = err ? err : moved;
	}
	c->moved = c->reclassed = false;
	if (!err || err == -ESRCH)
		return true;
	error("%s: could not be put back: %s", thread_label(&c->thread, label), strerror(-err));
	return false;
}

void
changes_take_back(struct changes *c)
{
	for (size_t i = c->n; i--;)
		change_take_back(&c->v[i]);
}

const char *
changes_make(struct changes *c, size_t from, const struct guest *g, struct why *w)
{
	struct why said;
	char label[32];

	for (size_t i = from; i < c->n; i++) {
		struct change *one = &c->v[i];

		if (!change_make(one, g, &said) || (one->ended && one->thread.kind != THREAD_VCPU))
			continue;
		changes_take_back(c);
		if (one->ended && !guest_start(g))
			break;
		return why(w, "%s: %.200s", thread_label(&one->thread, label), said.text);
	}
	if (guest_start(g))
		return NULL;
	changes_take_back(c);
	return why(w, "the guest has ended");
}

void
changes_free(struct changes *c)
{
	free(c->v);
	*c = (struct changes){0};
}
