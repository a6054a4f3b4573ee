/* SPDX-License-Identifier: ISC */
/* What the host has for guests' memory. Before the seal: it reads /proc and /sys. */
#ifndef KVM_RUN_MEMORY_HOST_H
#define KVM_RUN_MEMORY_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/why.h"

#define HOST_ANY_NODE (-1)

/* Why the host, or its NUMA node, cannot give size bytes in huge pages of that size now; NULL if it can. */
const char *memory_host_huge(uint64_t page, uint64_t size, int node, struct why *w);

/* The same of ordinary pages, swap included where any node will do. For those who take them all at once, and would else be
 * ended for it by the kernel, or have others ended. */
const char *memory_host_room(uint64_t size, int node, struct why *w);

/* Whether KSM runs. */
bool memory_host_merges(void);

#endif
