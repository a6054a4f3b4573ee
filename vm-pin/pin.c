/* SPDX-License-Identifier: ISC */
/* Pinning; the contracts are in pin.h. */
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-pin/node.h"
#include "vm-pin/pin.h"
#include "vm-pin/plan.h"
#include "vm-pin/record.h"

#define ROUNDS 8 /* of threads that come while others are placed */

/* What all places come to, of vCPUs alone or of all threads. */
static void
sum(const struct pin *p, bool vcpus, struct cpus *cpus)
{
	*cpus = (struct cpus){0};
	for (const struct change *v = p->changes.v; v < p->changes.v + p->changes.n; v++)
		if (place_cpus_of(&p->places, &v->thread) && !cpus_any(&v->cpus) && (!vcpus || v->thread.kind == THREAD_VCPU))
			cpus_or(cpus, &v->cpus);
}

static const char *
plan_memory(struct pin *p, struct why *w)
{
	struct cpus cpus;

	p->nodes = p->places.memory.set;
	if (p->places.memory.of_places) {
		sum(p, true, &cpus);
		nodes_of(p->guest.root, &cpus, &p->nodes);
	}
	return nodes_check(p->guest.root, &p->nodes, w);
}

static const char *
plan_cpuset(struct pin *p, struct why *w)
{
	const char *fault;
	struct cpus online;

	p->cpus = p->places.cpuset.set;
	if (p->places.cpuset.of_places)
		sum(p, false, &p->cpus);
	if (cpus_empty(&p->cpus))
		return "no thread was given CPUs";
	plan_online(p->guest.root, &online);
	fault = plan_check(&p->cpus, &online, p->guest.root, w);
	/* Of the threads that no place is for those stay where they are that can. */
	for (struct change *v = p->changes.v; v < p->changes.v + p->changes.n; v++)
		if (!place_cpus_of(&p->places, &v->thread) && !cpus_within(&v->cpus, &p->cpus))
			memset(&v->cpus, 0xff, sizeof(v->cpus));
	return fault ? fault : cpuset_find(&p->cpuset, &p->guest, w);
}

static unsigned
complain(const char *word, const char *fault)
{
	if (fault)
		error("%s: %s", word, fault);
	return fault != NULL;
}

unsigned
pin_plan(struct pin *p)
{
	unsigned faults = plan_add(&p->changes, &p->guest, &p->places);
	struct why w;

	if (p->places.memory.word)
		faults += complain(p->places.memory.word, plan_memory(p, &w));
	if (p->places.cpuset.word)
		faults += complain(p->places.cpuset.word, plan_cpuset(p, &w));
	return faults;
}

/* Threads of a kind: others may have come while those that were there were placed, and have what those had that made them. */
static bool
has_kinds(const struct places *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].rank != PLACE_LISTED)
			return true;
	return false;
}

static const char *
place_threads(struct pin *p, struct record *r, struct why *w)
{
	const char *fault;
	size_t from = 0;

	for (int round = 0; ; round++) {
		record_add(r, &p->changes, from, &p->cpuset, &p->guest);
		fault = changes_make(&p->changes, from, &p->guest, w);
		if (fault || !has_kinds(&p->places) || round == ROUNDS)
			return fault;
		from = p->changes.n;
		fault = guest_threads(&p->guest, w);
		if (!fault && plan_add(&p->changes, &p->guest, &p->places))
			fault = "threads that came meanwhile could not be placed";
		if (fault || p->changes.n == from)
			return fault;
	}
}

const char *
pin_make(struct pin *p, const char *dir, struct why *w)
{
	const char *fault = NULL;
	struct record r;

	record_open(&r, dir, &p->guest, true);
	if (p->cpuset.path[0]) {
		p->cpuset.set = true;
		record_add(&r, &p->changes, 0, &p->cpuset, &p->guest);
		fault = cpuset_make(&p->cpuset, &p->cpus, w);
		/* Before Linux 6.2 the kernel then forgets affinities, also when it is put back. */
		for (struct change *v = p->changes.v; v < p->changes.v + p->changes.n; v++)
			v->moved = true;
	}
	if (!fault)
		fault = place_threads(p, &r, w);
	if (!fault && !cpus_empty(&p->nodes))
		fault = nodes_move(&p->guest, &p->nodes, w);
	if (fault) {
		cpuset_take_back(&p->cpuset);
		changes_take_back(&p->changes);
		record_cancel(&r);
	}
	record_close(&r);
	return fault;
}

void
pin_free(struct pin *p)
{
	changes_free(&p->changes);
	places_free(&p->places);
	guest_free(&p->guest);
}
