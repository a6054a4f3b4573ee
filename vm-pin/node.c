/* SPDX-License-Identifier: ISC */
/* Memory on nodes; the contracts are in node.h. libnuma would be a library for two system calls. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-pin/node.h"
#include "vm-pin/read.h"

#define ONLINE "sys/devices/system/node/online"
#define NODES_MAX 1024 /* of the kernel, at most; migrate_pages(2) takes no mask with more bits than a page has */

void
nodes_of(int root, const struct cpus *cpus, struct cpus *nodes)
{
	struct cpus online, of_node;
	char path[64];

	*nodes = (struct cpus){0};
	if (!read_cpus(root, ONLINE, &online))
		return;
	for (unsigned n = cpus_next(&online, 0); n < CPUS_MAX; n = cpus_next(&online, n + 1)) {
		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", n);
		if (read_cpus(root, path, &of_node) && cpus_meet(&of_node, cpus))
			cpus_add(nodes, n);
	}
}

const char *
nodes_check(int root, const struct cpus *nodes, struct why *w)
{
	struct cpus online, missing = *nodes;
	char list[CPULIST_TEXT];

	if (!read_cpus(root, ONLINE, &online))
		return why(w, "this kernel has no NUMA");
	cpus_without(&missing, &online);
	if (cpus_empty(&missing))
		return cpus_empty(nodes) ? why(w, "no node") : NULL;
	return why(w, "node %s: there is none", cpus_text(&missing, list, sizeof(list)));
}

const char *
nodes_move(const struct guest *g, const struct cpus *nodes, struct why *w)
{
	struct cpus from;
	long left;

	if (!read_cpus(g->root, ONLINE, &from))
		return why(w, "this kernel has no NUMA");
	cpus_without(&from, nodes);
	if (cpus_empty(&from))
		return NULL;
	left = syscall(SYS_migrate_pages, g->pid, NODES_MAX + 1, from.v, nodes->v);
	if (left < 0)
		return why(w, "%s", errno == EPERM ? "not permitted (root or CAP_SYS_NICE is needed)" : strerror(errno));
	if (left)
		warn("memory: %ld pages are such as cannot be moved", left);
	return NULL;
}

const char *
nodes_bind(const struct cpus *nodes, struct why *w)
{
	return syscall(SYS_set_mempolicy, MPOL_BIND, nodes->v, NODES_MAX + 1) < 0 ? why(w, "%s", strerror(errno)) : NULL;
}
