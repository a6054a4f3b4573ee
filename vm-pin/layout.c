/* SPDX-License-Identifier: ISC */
/* Layouts; the contracts are in layout.h. */
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-pin/layout.h"

static const char auto_word[] = "-a";

/* Takes out the cores of which one thread or more is in `part`. */
static void
without_cores(struct cpus *c, const struct host *h, const struct cpus *part)
{
	struct cpus core;

	for (unsigned cpu = cpus_next(part, 0); cpu < h->ncpus; cpu = cpus_next(part, cpu + 1)) {
		cpus_del(c, cpu);
		if (!cpus_has(&h->online, cpu))
			continue;
		host_core(h, cpu, &core);
		cpus_without(c, &core);
	}
}

void
layout_begin(struct layout *l, const struct host *h, const struct cpus *within, const struct cpus *others, bool whole)
{
	struct cpus isolated = h->isolated;

	*l = (struct layout){.host = h, .candidates = h->online, .others = *others, .last = CPUS_MAX, .home = HOST_NONE};
	if (!cpus_empty(within)) {
		cpus_and(&l->candidates, within);
		cpus_without(&isolated, within); /* those that were named are meant */
	}
	cpus_without(&l->candidates, &isolated);
	if (!whole)
		return;
	without_cores(&l->candidates, h, &isolated);
	without_cores(&l->candidates, h, others);
}

static unsigned
room(const struct layout *l, unsigned node)
{
	struct cpus c = l->candidates;

	cpus_and(&c, &l->host->node[node].cpus);
	cpus_without(&c, &l->others);
	return cpus_count(&c);
}

void
layout_home(struct layout *l, unsigned n, unsigned prefer)
{
	const struct cpus *nodes = &l->host->nodes;
	unsigned most = 0;

	if (prefer < HOST_NODES && room(l, prefer) >= n) {
		l->home = prefer;
		return;
	}
	for (unsigned node = cpus_next(nodes, 0); node < HOST_NODES; node = cpus_next(nodes, node + 1)) {
		unsigned here = room(l, node);

		if (here <= most)
			continue;
		most = here;
		l->home = node;
	}
}

static unsigned
distance(const struct layout *l, unsigned cpu)
{
	unsigned node = l->host->cpu[cpu].node;

	if (l->home >= HOST_NODES || node >= HOST_NODES)
		return 0;
	return l->host->node[l->home].distance[node];
}

/* The less, the better: what counts more stands higher. */
static unsigned long
cost(const struct layout *l, unsigned cpu)
{
	const struct host *h = l->host;
	struct cpus core, taken = h->isolated;
	bool another = cpus_has(&l->others, cpu), completes, part, far_cache;

	host_core(h, cpu, &core);
	completes = cpus_meet(&core, &l->used);
	cpus_or(&taken, &l->others);
	part = cpus_meet(&core, &taken);
	far_cache = l->last < CPUS_MAX && h->cpu[l->last].l3 != h->cpu[cpu].l3;
	return (((((unsigned long)another * 2 + !completes) * 256 + distance(l, cpu)) * 2 + h->cpu[cpu].small) * 2 + part) * 2 + far_cache;
}

bool
layout_next(struct layout *l, unsigned *cpu)
{
	unsigned long least = ULONG_MAX;
	struct cpus left = l->candidates;

	cpus_without(&left, &l->used);
	for (unsigned c = cpus_next(&left, 0); c < l->host->ncpus; c = cpus_next(&left, c + 1)) {
		unsigned long this = cost(l, c);

		if (this >= least)
			continue;
		least = this;
		*cpu = c;
	}
	if (least == ULONG_MAX)
		return false;
	cpus_add(&l->used, *cpu);
	l->shares |= cpus_has(&l->others, *cpu);
	l->last = *cpu;
	return true;
}

void
layout_rest(const struct layout *l, struct cpus *rest)
{
	const struct host *h = l->host;
	struct cpus free = l->candidates;

	without_cores(&free, h, &l->used);
	cpus_without(&free, &l->others);
	*rest = (struct cpus){0};
	for (unsigned cpu = cpus_next(&free, 0); cpu < h->ncpus; cpu = cpus_next(&free, cpu + 1)) {
		unsigned node = h->cpu[cpu].node;

		if (node >= HOST_NODES || cpus_meet(&l->used, &h->node[node].cpus))
			cpus_add(rest, cpu);
	}
}

void
layout_others(const struct host *h, int root, const struct guest *g, struct cpus *others)
{
	struct guest *all;
	size_t n = guest_find_all(&all, root);

	*others = (struct cpus){0};
	for (size_t i = 0; i < n; i++) {
		const struct guest *o = &all[i];

		for (size_t v = 0; v < o->nvcpus && !(g && g->pid == o->pid); v++) {
			struct cpus c = {0};

			/* One that may run in more places than its guest has vCPUs is not pinned, only kept to a part of the host. */
			if (sched_getaffinity(o->threads[v].tid, sizeof(c), (cpu_set_t *)&c) >= 0 && cpus_count(&c) <= o->nvcpus &&
			    !cpus_within(&h->online, &c))
				cpus_or(others, &c);
		}
		guest_free(&all[i]);
	}
	free(all);
}

unsigned
layout_memory_node(const struct guest *g)
{
	uint64_t bytes[HOST_NODES];
	unsigned best = 0;

	if (!guest_memory(g, bytes, HOST_NODES))
		return HOST_NONE;
	for (unsigned n = 1; n < HOST_NODES; n++)
		if (bytes[n] > bytes[best])
			best = n;
	return bytes[best] ? best : HOST_NONE;
}

/* In front, where what the user says prevails. */
static void
put_place(struct places *ps, const struct place *p)
{
	struct place *v = reallocarray(ps->v, ps->n + 1, sizeof(*v));

	if (!v)
		die("no memory");
	memmove(v + 1, v, ps->n * sizeof(*v));
	v[0] = *p;
	ps->v = v;
	ps->n++;
}

static struct place *
find_kind(struct places *ps, enum thread_kind kind)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].word == auto_word && ps->v[i].rank == PLACE_KIND && ps->v[i].kind == kind)
			return &ps->v[i];
	return NULL;
}

/* What is left for them changes as vCPUs come. */
static void
place_rest(struct places *ps, enum thread_kind kind, const struct cpus *rest)
{
	struct place *old = find_kind(ps, kind), p = {.word = auto_word, .rank = PLACE_KIND, .kind = kind};

	if (!old) {
		put_place(ps, &p);
		old = ps->v;
	}
	old->has_cpus = !cpus_empty(rest);
	old->cpus.set = *rest;
}

const char *
layout_places(struct layout *l, struct places *ps, const struct guest *g, struct why *w)
{
	size_t nvcpus = g->nvcpus;
	struct cpus rest;

	for (size_t i = 0; i < nvcpus; i++) {
		const struct guest_thread *t = &g->threads[i];
		const struct place *said = place_cpus_of(ps, t);
		struct place p = {.word = auto_word, .rank = PLACE_LISTED, .has_cpus = true};
		struct cpus c;
		unsigned cpu;

		if (said) {
			if (place_cpus(said, t, &c))
				cpus_or(&l->used, &c);
			continue;
		}
		if (!layout_next(l, &cpu))
			return why(w, "no CPU is left for vCPU %u", t->index);
		cpus_add(&p.vcpus, t->index);
		cpus_add(&p.cpus.set, cpu);
		put_place(ps, &p);
	}
	layout_rest(l, &rest);
	place_rest(ps, THREAD_IO, &rest);
	place_rest(ps, THREAD_MAIN, &rest);
	return NULL;
}
