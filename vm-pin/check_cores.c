/* SPDX-License-Identifier: ISC */
/* Rules about who shares a core with a vCPU that was given one; the contracts are in check.h. */
#include <stdio.h>
#include <string.h>

#include "vm-pin/check.h"

/* Which vCPUs of the guest are pinned to the core. */
static void
list_pinned(const struct check *c, const struct checked *g, const struct cpus *core, char *text, size_t size)
{
	for (size_t i = 0; i < g->guest.nvcpus; i++)
		if (check_pinned(c, &g->at[i]) && cpus_within(&g->at[i].allowed, core))
			check_list(text, size, "%s's vCPU %u", g->guest.name, g->guest.threads[i].index);
}

/* Two guests on the threads of one core take each other's time, and can watch each other through its caches. */
static void
split(struct check *c, unsigned cpu)
{
	const struct checked *first = NULL;
	char text[256] = "", cpus[64];
	unsigned guests = 0;
	struct cpus core;

	host_core(&c->host, cpu, &core);
	if (cpus_count(&core) < 2 || cpus_next(&core, 0) != cpu)
		return;
	for (const struct checked *g = c->v; g < c->v + c->n; g++) {
		if (!cpus_has(&g->home, cpu))
			continue;
		if (!first || (g->asked && !first->asked))
			first = g;
		guests++;
		list_pinned(c, g, &core, text, sizeof(text));
	}
	if (guests > 1)
		check_tell(c, first, "core", "CPUs %s are one core: %s", cpus_text(&core, cpus, sizeof(cpus)), text);
}

/* A thread of `other` that may come to where vCPUs of g were given cores of their own. Each guest is told what disturbs it. */
static void
intruder(struct check *c, const struct checked *g, const struct checked *other, size_t thread)
{
	const struct guest_thread *t = &other->guest.threads[thread];
	struct cpus shared = other->at[thread].allowed;
	char cpus[CPULIST_TEXT];

	cpus_and(&shared, &g->home);
	if (cpus_empty(&shared) || (t->kind == THREAD_VCPU && (g == other || check_pinned(c, &other->at[thread]))))
		return; /* overcommit, loose and core are about those */
	cpus_text(&shared, cpus, sizeof(cpus));
	if (g == other)
		check_tell(c, g, "emulator", "thread %d (%s) may run on CPUs %s, which are its vCPUs'", (int)t->tid, t->name, cpus);
	else
		check_tell(c, g, "intruder", "thread %d (%s) of %s, %d, may run on CPUs %s, which are its vCPUs'", (int)t->tid, t->name,
		    other->guest.name, (int)other->guest.pid, cpus);
}

void
check_cores(struct check *c)
{
	for (unsigned cpu = 0; cpu < c->host.ncpus; cpu++)
		split(c, cpu);
	for (const struct checked *g = c->v; g < c->v + c->n; g++)
		for (const struct checked *other = c->v; other < c->v + c->n; other++)
			for (size_t i = 0; i < other->guest.nthreads; i++)
				intruder(c, g, other, i);
}
