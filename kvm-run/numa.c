/* SPDX-License-Identifier: ISC */
/* The guest's NUMA nodes; the contracts are in numa.h. */
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "kvm-run/mem.h"
#include "kvm-run/numa.h"

#define NO_NODE UINT8_MAX

static void
add_range(struct numa *n, uint64_t gpa, uint64_t size, unsigned node, bool hot)
{
	if (size)
		n->ranges[n->nranges++] = (struct numa_range){.gpa = gpa, .size = size, .node = node, .hot = hot};
}

/* Nodes lie one behind the other in RAM, of which the guest sees a part below the PCI hole and the rest from 4 GiB on. */
static void
place_memory(struct numa *n, const struct memory_options *m, const struct guest_mem *mem)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < m->nodes; i++) {
		uint64_t end = m->nodes > 1 ? at + m->node_size[i] : mem->size;
		uint64_t low_end = end < mem->low_size ? end : mem->low_size;
		uint64_t high = at > mem->low_size ? at : mem->low_size;

		if (at < low_end)
			add_range(n, at, low_end - at, i, false);
		if (high < end)
			add_range(n, MEM_HIGH_START + (high - mem->low_size), end - high, i, false);
		at = end;
	}
}

static void
share_cpus(struct numa *n, const struct topology *t, unsigned nodes)
{
	unsigned whole = t->sockets >= nodes ? t->cores * t->threads : t->sockets * t->cores >= nodes ? t->threads : 1;

	for (unsigned i = 0; i < t->max; i++)
		n->cpu_node[i] = (uint8_t)(i / whole * whole * nodes / t->max);
}

/* "4" or "0-3". */
static bool
read_range(char *text, unsigned max, uint64_t *first, uint64_t *last)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash++ = '\0';
	return num_parse(text, 0, max - 1, first) && num_parse(dash ? dash : text, *first, max - 1, last);
}

/* "0-1+4:2-3": for each node its vCPUs. Ends at a comma. */
static const char *
read_cpus(struct numa *n, const struct memory_options *m, const struct topology *t, char *why, size_t size)
{
	size_t len = strcspn(m->node_cpus, ",");
	char copy[512], *rest = copy, *group, *one;
	unsigned node = 0;
	uint64_t first, last;

	if (len >= sizeof(copy))
		return "cpus: too long";
	memcpy(copy, m->node_cpus, len);
	copy[len] = '\0';
	memset(n->cpu_node, NO_NODE, sizeof(n->cpu_node));
	for (; (group = strsep(&rest, ":")); node++) {
		if (node == m->nodes)
			return "cpus: more groups than nodes";
		while ((one = strsep(&group, "+"))) {
			if (!read_range(one, t->max, &first, &last)) {
				snprintf(why, size, "cpus: a range of vCPUs, 0 to %u, is wanted", t->max - 1);
				return why;
			}
			for (uint64_t i = first; i <= last; i++) {
				if (n->cpu_node[i] != NO_NODE) {
					snprintf(why, size, "cpus: %u is in two nodes", (unsigned)i);
					return why;
				}
				n->cpu_node[i] = (uint8_t)node;
			}
		}
	}
	for (unsigned i = 0; i < t->max; i++) {
		if (n->cpu_node[i] != NO_NODE)
			continue;
		snprintf(why, size, "cpus: %u is in no node", i);
		return why;
	}
	return NULL;
}

const char *
numa_init(struct numa *n, const struct memory_options *m, const struct topology *t, const struct guest_mem *mem, char *why,
    size_t size)
{
	*n = (struct numa){.nodes = m->nodes > 1 || mem->hot.size ? m->nodes : 0};
	place_memory(n, m, mem);
	add_range(n, mem->hot.start, mem->hot.size, m->nodes - 1, true);
	if (m->node_cpus)
		return read_cpus(n, m, t, why, size);
	share_cpus(n, t, m->nodes);
	return NULL;
}

/* Ids ascend with the vCPUs: where a group of them is of two nodes, two neighbours are. */
static bool
shared_by_two(const struct numa *n, const struct topology *t, unsigned bits)
{
	for (unsigned i = 1; i < t->max; i++)
		if (n->cpu_node[i] != n->cpu_node[i - 1] && topology_apic_id(t, i) >> bits == topology_apic_id(t, i - 1) >> bits)
			return true;
	return false;
}

unsigned
numa_split(const struct numa *n, const struct topology *t)
{
	unsigned split = 0;

	while (split < topology_core_bits(t) &&
	       shared_by_two(n, t, topology_thread_bits(t) + topology_core_bits(t) - split))
		split++;
	return split;
}
