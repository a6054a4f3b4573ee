/* SPDX-License-Identifier: ISC */
/* Rules about where a guest's memory is, and how much of CPUs and memory there is for it; the contracts are in check.h. */
#include <stdio.h>

#include "vm-pin/cgroup.h"
#include "vm-pin/check.h"

#define MIB (1ULL << 20)
#define REMOTE_PART 10		 /* a tenth of a guest's memory may be elsewhere, */
#define REMOTE_LEAST (16 * MIB) /* and what the VMM itself takes at its start, which is seldom used */

/* The nodes of the CPUs that vCPUs may use. */
static void
vcpu_nodes(const struct check *c, const struct checked *g, struct cpus *nodes)
{
	*nodes = (struct cpus){0};
	for (size_t i = 0; i < g->guest.nvcpus; i++)
		for (unsigned n = cpus_next(&c->host.nodes, 0); n < HOST_NODES; n = cpus_next(&c->host.nodes, n + 1))
			if (cpus_meet(&g->at[i].allowed, &c->host.node[n].cpus))
				cpus_add(nodes, n);
}

static void
remote(struct check *c, const struct checked *g)
{
	uint64_t bytes[HOST_NODES], all = 0, far = 0;
	char list[128] = "", text[CPULIST_TEXT];
	struct cpus nodes;

	if (!guest_memory(&g->guest, bytes, HOST_NODES))
		return;
	vcpu_nodes(c, g, &nodes);
	for (unsigned n = 0; n < HOST_NODES; n++) {
		all += bytes[n];
		if (cpus_has(&nodes, n) || !bytes[n])
			continue;
		far += bytes[n];
		check_list(list, sizeof(list), "%u", n);
	}
	if (far > all / REMOTE_PART && far >= REMOTE_LEAST)
		check_tell(c, g, "memory", "%llu of %llu MiB are on nodes %s, its vCPUs on nodes %s", (unsigned long long)(far / MIB),
		    (unsigned long long)(all / MIB), list, cpus_text(&nodes, text, sizeof(text)));
}

/* A control group's quota stops all vCPUs for the rest of each period, in the middle of what one holds a lock for. */
static void
throttled(struct check *c, const struct checked *g)
{
	uint64_t thousandths;

	if (cgroup_quota(&g->guest, &thousandths) && thousandths < 1000 * g->guest.nvcpus)
		check_tell(c, g, "quota", "its control group gets %llu.%02llu CPUs for %zu vCPUs", (unsigned long long)(thousandths / 1000),
		    (unsigned long long)(thousandths % 1000 / 10), g->guest.nvcpus);
}

void
check_memory(struct check *c)
{
	for (const struct checked *g = c->v; g < c->v + c->n; g++) {
		remote(c, g);
		throttled(c, g);
	}
}
