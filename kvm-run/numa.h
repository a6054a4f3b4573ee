/* SPDX-License-Identifier: ISC */
/* The guest's NUMA nodes: which of its processors and which of its memory belong together. */
#ifndef KVM_RUN_NUMA_H
#define KVM_RUN_NUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm-run/memory_options.h"
#include "kvm-run/topology.h"

struct guest_mem;

/* Memory of one node; hot: it may come and go while the guest runs. */
struct numa_range {
	uint64_t gpa, size;
	unsigned node;
	bool hot;
};

struct numa {
	unsigned nodes; /* 0: the guest is told nothing, and has one */
	unsigned nranges;
	struct numa_range ranges[2 * MEMORY_NODES_MAX + 1]; /* one is split by the PCI hole, one may be hot */
	uint8_t cpu_node[TOPOLOGY_CPUS_MAX];		    /* of each vCPU up to the maximum */
};

/*
 * Lays the nodes of -m out: memory in their order, what may be plugged in in the last; processors as -m says, or in even
 * shares of whole sockets, of whole cores where there are fewer sockets than nodes. NULL, or what is wrong with -m, in why.
 * mem is there; t is complete.
 */
const char *numa_init(struct numa *n, const struct memory_options *m, const struct topology *t, const struct guest_mem *mem,
    char *why, size_t size);

/* What t->split has to be for no cache to be shared by processors of two nodes, which guests complain of. */
unsigned numa_split(const struct numa *n, const struct topology *t);

#endif
