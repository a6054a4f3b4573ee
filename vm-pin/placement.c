/* SPDX-License-Identifier: ISC */
/* Where a thread runs, and how it fares (proc(5)); the contracts are in guest.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/num.h"
#include "vm-pin/guest.h"
#include "vm-pin/read.h"

#define NS 1000000000ULL
#define STAT_FIELDS 43
#define TICKS_MAX (INT64_MAX / NS)

static bool
thread_text(const struct guest *g, const struct guest_thread *t, const char *file, char *text, size_t size)
{
	char path[48];

	snprintf(path, sizeof(path), t->kernel ? "proc/%d/%s" : "task/%d/%s", (int)t->tid, file);
	return read_text(t->kernel ? g->root : g->proc, path, text, size);
}

/* Cuts /proc/TID/stat up; the fields are counted from 1. The name, the 2nd, may hold blanks and parentheses itself. */
static bool
split_stat(char *text, const char *field[STAT_FIELDS + 1])
{
	char *at = strrchr(text, ')'), *rest = NULL;

	if (!at)
		return false;
	for (unsigned i = 3; i <= STAT_FIELDS; i++) {
		field[i] = strtok_r(i == 3 ? at + 1 : NULL, " ", &rest);
		if (!field[i])
			return false;
	}
	return true;
}

static bool
parse_stat(char *text, struct placement *p)
{
	const char *field[STAT_FIELDS + 1];
	uint64_t nice, cpu, priority, policy, user, system, ticks;
	const uint64_t tick = NS / (uint64_t)sysconf(_SC_CLK_TCK);
	bool negative;

	if (!split_stat(text, field))
		return false;
	negative = field[19][0] == '-';
	if (!num_parse(field[19] + negative, 0, 20, &nice) || !num_parse(field[39], 0, CPUS_MAX, &cpu) ||
	    !num_parse(field[40], 0, 99, &priority) || !num_parse(field[41], 0, 255, &policy) ||
	    !num_parse(field[14], 0, TICKS_MAX, &user) || !num_parse(field[15], 0, TICKS_MAX, &system) ||
	    !num_parse(field[43], 0, TICKS_MAX, &ticks))
		return false;
	p->state = field[3][0];
	p->nice = negative ? -(int)nice : (int)nice;
	p->last = (unsigned)cpu;
	p->priority = (unsigned)priority;
	p->policy = (unsigned)policy;
	p->run = (user + system) * tick; /* where there is no schedstat, which has it to the nanosecond */
	p->guest = ticks * tick;
	return true;
}

static void
status_set(const char *text, const char *key, struct cpus *c)
{
	char list[CPULIST_TEXT * 4];

	if (!read_field(text, key, list, sizeof(list)) || !cpus_parse(c, list))
		*c = (struct cpus){0};
}

/* "RUN WAIT SLICES", the first two in nanoseconds; not of every kernel. */
static void
parse_schedstat(char *text, struct placement *p)
{
	char *rest = NULL, *run = strtok_r(text, " ", &rest), *wait = strtok_r(NULL, " ", &rest);
	uint64_t v;

	if (run && wait && num_parse(run, 0, UINT64_MAX, &v) && num_parse(wait, 0, UINT64_MAX, &p->wait))
		p->run = v;
}

bool
guest_placement(const struct guest *g, const struct guest_thread *t, struct placement *p)
{
	char text[8192];

	*p = (struct placement){0};
	if (!thread_text(g, t, "stat", text, sizeof(text)))
		return false;
	if (!parse_stat(text, p)) {
		errno = EINVAL;
		return false;
	}
	if (thread_text(g, t, "schedstat", text, sizeof(text)))
		parse_schedstat(text, p);
	if (!thread_text(g, t, "status", text, sizeof(text)))
		return false;
	status_set(text, "Cpus_allowed_list:", &p->allowed);
	status_set(text, "Mems_allowed_list:", &p->nodes);
	return true;
}

/*
 * A mapping: "7f.. bind:0 file=/a\040b dirty=512 N0=256 N1=256 kernelpagesize_kB=4"; the page size is the last word. Pages of a
 * file that nobody wrote to are a program's, which it shares with others.
 */
static void
add_mapping(char *line, uint64_t *bytes, unsigned n)
{
	char *rest = NULL, *equals, *size = strstr(line, " kernelpagesize_kB=");
	uint64_t kib = 4, pages, node;

	if (strstr(line, " file=") && !strstr(line, " dirty=") && !strstr(line, " huge"))
		return;
	if (size && !num_parse(strchr(size, '=') + 1, 1, 1 << 30, &kib))
		return;
	for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		equals = word[0] == 'N' ? strchr(word, '=') : NULL;
		if (!equals)
			continue;
		*equals = '\0';
		if (num_parse(word + 1, 0, n - 1, &node) && num_parse(equals + 1, 0, UINT64_MAX >> 40, &pages))
			bytes[node] += pages * kib * 1024;
	}
}

bool
guest_memory(const struct guest *g, uint64_t *bytes, unsigned n)
{
	size_t len;
	char *text = read_whole(g->proc, "numa_maps", &len), *rest = NULL;
	bool there = text;

	memset(bytes, 0, n * sizeof(*bytes));
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		add_mapping(line, bytes, n);
	free(text);
	return there;
}
