/* SPDX-License-Identifier: ISC */
/* Memory of a guest on NUMA nodes. */
#ifndef VM_PIN_NODE_H
#define VM_PIN_NODE_H

#include "common/why.h"
#include "vm-pin/cpulist.h"
#include "vm-pin/guest.h"

/* The nodes to which the CPUs belong. */
void nodes_of(int root, const struct cpus *cpus, struct cpus *nodes);

/* NULL when all of them are online; or why not. */
const char *nodes_check(int root, const struct cpus *nodes, struct why *w);

/* Moves the pages of the guest that are elsewhere to these nodes. NULL, or why not; that some stayed is but a warning. */
const char *nodes_move(const struct guest *g, const struct cpus *nodes, struct why *w);

/* From here on this process, and what it runs, takes memory from these nodes alone. NULL, or why not. */
const char *nodes_bind(const struct cpus *nodes, struct why *w);

#endif
