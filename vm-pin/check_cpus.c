/* SPDX-License-Identifier: ISC */
/* Rules about how many vCPUs there are for how many CPUs; the contracts are in check.h. */
#include <stdio.h>
#include <string.h>

#include "vm-pin/check.h"

static void
too_many(struct check *c, const struct checked *g)
{
	unsigned cpus = cpus_count(&c->host.online);

	if (g->guest.nvcpus > cpus)
		check_tell(c, g, "vcpus", "%zu vCPUs on a host of %u CPUs", g->guest.nvcpus, cpus);
}

/* vCPUs that can be nowhere but on these CPUs. */
static unsigned
confined(const struct check *c, const struct cpus *cpus)
{
	unsigned n = 0;

	for (const struct checked *g = c->v; g < c->v + c->n; g++)
		for (size_t i = 0; i < g->guest.nvcpus; i++)
			n += cpus_within(&g->at[i].allowed, cpus);
	return n;
}

static bool
seen_before(const struct check *c, const struct checked *g, size_t vcpu)
{
	for (const struct checked *o = c->v; o <= g; o++)
		for (size_t i = 0; o < g ? o->asked && i < o->guest.nvcpus : i < vcpu; i++)
			if (cpus_equal(&o->at[i].allowed, &g->at[vcpu].allowed))
				return true;
	return false;
}

/* Each set of CPUs that some vCPU is given is looked at once. */
static void
overcommitted(struct check *c, const struct checked *g)
{
	for (size_t i = 0; i < g->guest.nvcpus; i++) {
		struct cpus may = g->at[i].allowed;
		char text[CPULIST_TEXT];
		unsigned n, cpus;

		cpus_and(&may, &c->host.online);
		cpus = cpus_count(&may);
		if (!cpus || seen_before(c, g, i))
			continue;
		n = confined(c, &g->at[i].allowed);
		if (n > cpus)
			check_tell(c, g, "overcommit", "CPUs %s: %u vCPUs for %u", cpus_text(&may, text, sizeof(text)), n, cpus);
	}
}

/* A CPU that went offline took its place with it: the kernel then lets the thread run anywhere. */
static void
loose(struct check *c, const struct checked *g)
{
	char list[128] = "";
	size_t n = 0;

	for (size_t i = 0; i < g->guest.nvcpus; i++) {
		if (check_pinned(c, &g->at[i]))
			continue;
		check_list(list, sizeof(list), "%u", g->guest.threads[i].index);
		n++;
	}
	if (n && n < g->guest.nvcpus)
		check_tell(c, g, "loose", "vCPUs %s are not pinned, the others are", list);
}

/* The scheduler balances no load among isolated CPUs: of several it uses the one where the thread happens to be. */
static void
isolated(struct check *c, const struct checked *g)
{
	for (size_t i = 0; i < g->guest.nvcpus; i++) {
		struct cpus may = g->at[i].allowed;
		char text[CPULIST_TEXT];

		cpus_and(&may, &c->host.isolated);
		if (cpus_count(&may) > 1)
			check_tell(c, g, "isolated", "vCPU %u may use CPUs %s, but nothing moves it from one isolated CPU to another",
			    g->guest.threads[i].index, cpus_text(&may, text, sizeof(text)));
	}
}

void
check_cpus(struct check *c)
{
	for (const struct checked *g = c->v; g < c->v + c->n; g++) {
		too_many(c, g);
		overcommitted(c, g);
		loose(c, g);
		isolated(c, g);
	}
}
