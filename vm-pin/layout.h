/* SPDX-License-Identifier: ISC */
/*
 * -a: a CPU for each vCPU, by the topology of the host: threads of a core together, cores of one node, and of one last-level cache
 * as far as they go, off the CPUs that other guests are pinned to.
 */
#ifndef VM_PIN_LAYOUT_H
#define VM_PIN_LAYOUT_H

#include <stdbool.h>

#include "common/why.h"
#include "vm-pin/cpulist.h"
#include "vm-pin/guest.h"
#include "vm-pin/host.h"
#include "vm-pin/place.h"

struct layout {
	const struct host *host;
	struct cpus candidates; /* that may be used */
	struct cpus others;	/* of them, those of other guests: when nothing else is left */
	struct cpus used;	/* by this guest's vCPUs */
	unsigned last;		/* that was given out, CPUS_MAX: none yet */
	unsigned home;		/* the node, HOST_NONE: not chosen */
	bool shares;		/* one of others was given out */
};

/*
 * Begins one. within: the CPUs that may be used, empty: those that are online and not isolated. others: CPUs that other guests'
 * vCPUs are pinned to. whole: keep off the cores of which others, or the isolated CPUs, have a part.
 */
void layout_begin(struct layout *l, const struct host *h, const struct cpus *within, const struct cpus *others, bool whole);

/* Chooses the node for so many vCPUs: `prefer` (HOST_NONE: none) if they fit there, else that with most room. */
void layout_home(struct layout *l, unsigned n, unsigned prefer);

/* The next vCPU's CPU; false when all are used. */
bool layout_next(struct layout *l, unsigned *cpu);

/* Where the other threads of the guest belong: CPUs of the same nodes whose cores no vCPU of it has; empty when there are none. */
void layout_rest(const struct layout *l, struct cpus *rest);

/* The CPUs that the vCPUs of other guests than g are pinned to; g may be NULL. */
void layout_others(const struct host *h, int root, const struct guest *g, struct cpus *others);

/* The node that has most of the guest's memory; HOST_NONE where that is not known. */
unsigned layout_memory_node(const struct guest *g);

/*
 * Adds places for the vCPUs of the guest that ps has no CPUs for, and for its other threads, as far as there is anything left for
 * them. To be called again when there are more. NULL, or why not: there are not enough CPUs.
 */
const char *layout_places(struct layout *l, struct places *ps, const struct guest *g, struct why *w);

#endif
