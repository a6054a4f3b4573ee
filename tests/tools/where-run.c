/* SPDX-License-Identifier: ISC */
/*
 * where-run TICKS TID...: watches threads until each has run for so many clock ticks more (hundredths of a second), and prints for
 * each its number and, behind a tab, the CPUs on which it was then found: field 39 of stat(5).
 */
/* links: vm-pin/cpulist.c */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-pin/cpulist.h"

#define SAMPLE_US 3000

struct thread {
	const char *tid;
	unsigned long begin, last; /* ticks run */
	struct cpus seen;
};

static void
sample(struct thread *t)
{
	unsigned long user, system;
	char path[64], text[1024];
	const char *rest;
	unsigned cpu;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/stat", t->tid, t->tid); /* /proc/TID/stat sums all threads up */
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		die("%s: has ended", t->tid);
	fclose(f);
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u %*u"
		" %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %u", &user, &system, &cpu) != 3)
		die("%s: not to be read", path);
	if (!t->begin)
		t->begin = t->last = user + system + 1; /* where it ran before is none of our business */
	if (user + system > t->last) {
		t->last = user + system;
		cpus_add(&t->seen, cpu);
	}
}

int
main(int argc, char **argv)
{
	struct thread *t = calloc((size_t)argc, sizeof(*t));
	char list[CPULIST_TEXT];
	unsigned long ticks;
	bool going = true;

	diag_init(argv[0], 1);
	if (argc < 3 || !t)
		die_usage("usage: where-run TICKS TID...");
	ticks = (unsigned long)num_opt('T', argv[1], 1, 100000);
	for (int i = 2; i < argc; i++)
		t[i].tid = argv[i];
	while (going) {
		going = false;
		for (int i = 2; i < argc; i++) {
			sample(&t[i]);
			going |= t[i].last - t[i].begin < ticks;
		}
		usleep(SAMPLE_US);
	}
	for (int i = 2; i < argc; i++)
		printf("%s\t%s\n", t[i].tid, cpus_text(&t[i].seen, list, sizeof(list)));
	free(t);
	return 0;
}
