/* SPDX-License-Identifier: ISC */
/* The host's NUMA nodes and their memory; the contracts are in host.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-pin/host.h"
#include "vm-pin/read.h"

#define NODE_DIR "sys/devices/system/node"
#define HUGE_DIR "sys/kernel/mm/hugepages"

/* "MemTotal:        2097152 kB", of a node's file behind "Node 0 ". */
static uint64_t
meminfo(const char *text, const char *key)
{
	char value[32];
	uint64_t kib;

	if (!read_field(text, key, value, sizeof(value)))
		return 0;
	value[strcspn(value, " ")] = '\0';
	return num_parse(value, 0, UINT64_MAX / 1024, &kib) ? kib * 1024 : 0;
}

uint64_t
host_meminfo(int root, const char *key)
{
	char text[8192];

	return read_text(root, "proc/meminfo", text, sizeof(text)) ? meminfo(text, key) : 0;
}

/* x86 has two sizes, other architectures others. */
static void
read_page_sizes(struct host *h, int root)
{
	static const unsigned kib[] = {64, 1024, 2048, 16384, 32768, 131072, 524288, 1048576, 2097152, 16777216};
	char path[96];
	uint64_t pages;
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kib) && n < HOST_PAGE_SIZES; i++) {
		snprintf(path, sizeof(path), HUGE_DIR "/hugepages-%ukB/nr_hugepages", kib[i]);
		if (read_number(root, path, &pages))
			h->page_size[n++] = (uint64_t)kib[i] << 10;
	}
}

static void
read_huge(struct host *h, int root, const char *dir, struct host_node *n)
{
	char path[128];

	for (unsigned i = 0; i < HOST_PAGE_SIZES && h->page_size[i]; i++) {
		unsigned long long kib = h->page_size[i] >> 10;

		snprintf(path, sizeof(path), "%s/hugepages-%llukB/nr_hugepages", dir, kib);
		read_number(root, path, &n->huge[i]);
		snprintf(path, sizeof(path), "%s/hugepages-%llukB/free_hugepages", dir, kib);
		read_number(root, path, &n->huge_free[i]);
	}
}

/* Distances to the online nodes, in their order. */
static void
read_distances(const struct host *h, struct host_node *n, char *text)
{
	unsigned to = cpus_next(&h->nodes, 0);
	char *rest = NULL;
	uint64_t d;

	for (char *word = strtok_r(text, " ", &rest); word && to < HOST_NODES; word = strtok_r(NULL, " ", &rest)) {
		if (num_parse(word, 0, UINT8_MAX, &d))
			n->distance[to] = (uint8_t)d;
		to = cpus_next(&h->nodes, to + 1);
	}
}

static void
read_node(struct host *h, int root, unsigned node)
{
	char path[96], key[32], text[8192];
	struct host_node *n = &h->node[node];

	snprintf(path, sizeof(path), NODE_DIR "/node%u/cpulist", node);
	read_cpus(root, path, &n->cpus);
	snprintf(path, sizeof(path), NODE_DIR "/node%u/meminfo", node);
	if (read_text(root, path, text, sizeof(text))) {
		snprintf(key, sizeof(key), "Node %u MemTotal:", node);
		n->total = meminfo(text, key);
		snprintf(key, sizeof(key), "Node %u MemFree:", node);
		n->free = meminfo(text, key);
	}
	snprintf(path, sizeof(path), NODE_DIR "/node%u/distance", node);
	if (read_text(root, path, text, sizeof(text)))
		read_distances(h, n, text);
	snprintf(path, sizeof(path), NODE_DIR "/node%u/hugepages", node);
	read_huge(h, root, path, n);
}

/* A kernel without NUMA has one node, though it does not call it so. */
static void
read_only_node(struct host *h, int root)
{
	struct host_node *n = &h->node[0];

	cpus_add(&h->nodes, 0);
	n->cpus = h->online;
	n->distance[0] = 10;
	n->total = host_meminfo(root, "MemTotal:");
	n->free = host_meminfo(root, "MemFree:");
	read_huge(h, root, HUGE_DIR, n);
}

void
host_read_nodes(struct host *h, int root)
{
	h->node = calloc(HOST_NODES, sizeof(*h->node));
	if (!h->node)
		die_sys("nodes");
	read_page_sizes(h, root);
	if (!read_cpus(root, NODE_DIR "/online", &h->nodes) || cpus_empty(&h->nodes))
		read_only_node(h, root);
	else
		for (unsigned n = cpus_next(&h->nodes, 0); n < HOST_NODES; n = cpus_next(&h->nodes, n + 1))
			read_node(h, root, n);
	for (unsigned n = cpus_next(&h->nodes, 0); n < HOST_NODES; n = cpus_next(&h->nodes, n + 1))
		for (unsigned c = 0; c < h->ncpus; c++)
			if (cpus_has(&h->node[n].cpus, c))
				h->cpu[c].node = n;
}
