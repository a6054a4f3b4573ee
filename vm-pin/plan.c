/* SPDX-License-Identifier: ISC */
/* Plans; the contracts are in plan.h. */
#include <stdlib.h>

#include "common/diag.h"
#include "vm-pin/plan.h"
#include "vm-pin/read.h"

void
plan_online(int root, struct cpus *online)
{
	if (!read_cpus(root, "sys/devices/system/cpu/online", online))
		die_sys("/sys/devices/system/cpu/online");
}

const char *
plan_check(const struct cpus *wanted, const struct cpus *online, int root, struct why *w)
{
	struct cpus missing = *wanted, possible;
	char list[CPULIST_TEXT];

	if (cpus_any(wanted) || cpus_within(wanted, online))
		return NULL;
	cpus_without(&missing, online);
	if (read_cpus(root, "sys/devices/system/cpu/possible", &possible) && !cpus_meet(&missing, &possible))
		return why(w, "CPU %s: there is none", cpus_text(&missing, list, sizeof(list)));
	return why(w, "CPU %s: offline", cpus_text(&missing, list, sizeof(list)));
}

bool
plan_thread(struct change *c, const struct guest *g, const struct guest_thread *t, const struct places *ps,
    const struct cpus *online, const char **fault, struct why *w)
{
	const struct place *where = place_cpus_of(ps, t), *how = place_class_of(ps, t);
	bool fixed = false;

	*fault = NULL;
	*c = (struct change){.thread = *t, .moves = where || ps->cpuset.word, .reclasses = how};
	if (!c->moves && !how)
		return false;
	if (how)
		c->class = how->class;
	if (where && !place_cpus(where, t, &c->cpus))
		*fault = why(w, "%s has no CPU for it", where->word);
	else if (where)
		*fault = plan_check(&c->cpus, online, g->root, w);
	if (!*fault)
		*fault = change_look(c, g, online, &fixed, w);
	if (!where)
		c->cpus = c->cpus_before;
	if (c->ended && t->kind != THREAD_VCPU)
		*fault = NULL;
	return *fault || !(fixed || c->ended);
}

/* Numbers of vCPUs that the guest does not have. */
static unsigned
check_numbers(const struct guest *g, const struct places *ps)
{
	char list[CPULIST_TEXT];
	struct cpus there = {0};
	unsigned faults = 0;

	for (size_t i = 0; i < g->nvcpus; i++)
		cpus_add(&there, g->threads[i].index);
	for (size_t i = 0; i < ps->n; i++) {
		const struct place *p = &ps->v[i];
		struct cpus missing = p->vcpus;

		cpus_without(&missing, &there);
		if (p->rank != PLACE_LISTED || cpus_empty(&missing))
			continue;
		error("%s: the guest has no vCPU %s", p->word, cpus_text(&missing, list, sizeof(list)));
		faults++;
	}
	return faults;
}

static bool
has_thread(const struct changes *c, const struct guest_thread *t)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].thread.tid == t->tid)
			return true;
	return false;
}

unsigned
plan_add(struct changes *c, const struct guest *g, const struct places *ps)
{
	unsigned faults = check_numbers(g, ps);
	struct change *v = reallocarray(c->v, c->n + g->nthreads + 1, sizeof(*v));
	struct cpus online;
	const char *fault;
	struct why w;
	char label[32];

	if (!v)
		die("no memory");
	c->v = v;
	plan_online(g->root, &online);
	for (const struct guest_thread *t = g->threads; t < g->threads + g->nthreads; t++) {
		if (has_thread(c, t) || !plan_thread(&c->v[c->n], g, t, ps, &online, &fault, &w))
			continue;
		c->n += !fault;
		faults += fault != NULL;
		if (fault)
			error("%s: %s", thread_label(t, label), fault);
	}
	return faults;
}

void
plan_print(FILE *out, const struct changes *c)
{
	char list[CPULIST_TEXT], class[SCHED_TEXT], label[32];

	for (size_t i = 0; i < c->n; i++) {
		const struct change *v = &c->v[i];

		if (v->thread.kind == THREAD_VCPU)
			fprintf(out, "%u=", v->thread.index);
		else
			fprintf(out, "%s=", thread_kind_name(v->thread.kind));
		if (v->moves)
			fputs(cpus_any(&v->cpus) ? "any" : cpus_text(&v->cpus, list, sizeof(list)), out);
		if (v->reclasses)
			fprintf(out, "@%s", sched_text(&v->class, class));
		fprintf(out, "\t# %s, thread %d", thread_label(&v->thread, label), (int)v->thread.tid);
		if (v->moves)
			fprintf(out, ", was %s", cpus_any(&v->cpus_before) ? "any" : cpus_text(&v->cpus_before, list, sizeof(list)));
		if (v->reclasses)
			fprintf(out, ", %s", sched_text(&v->class_before, class));
		fputc('\n', out);
	}
}
