/* SPDX-License-Identifier: ISC */
/* What the host's CPUs and memory are, as /sys and /proc have it. */
#ifndef VM_PIN_HOST_H
#define VM_PIN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-pin/cpulist.h"

#define HOST_NODES 64	    /* NUMA nodes that are read */
#define HOST_PAGE_SIZES 4   /* of huge pages */
#define HOST_NONE UINT32_MAX /* what is not known: of an offline CPU, or on a kernel without NUMA */

/* A CPU. Cores, dies and caches are named by the lowest online CPU of theirs, because the kernel's own numbers of them repeat
 * from socket to socket: two CPUs are threads of one core when their cores are equal. */
struct host_cpu {
	uint32_t socket; /* physical_package_id */
	uint32_t die; /* HOST_NONE before Linux 5.3, which did not tell */
	uint32_t core;
	uint32_t core_id; /* the number that the firmware gave it, as lscpu shows it */
	uint32_t l3;	  /* the last-level cache that it shares; its core where it has none */
	uint32_t node;
	bool small; /* an efficiency core of a hybrid machine */
};

struct host_node {
	struct cpus cpus;
	uint64_t total, free;			      /* bytes */
	uint64_t huge[HOST_PAGE_SIZES];		      /* pages of each of host.page_size */
	uint64_t huge_free[HOST_PAGE_SIZES];
	uint8_t distance[HOST_NODES];
};

struct host {
	struct cpus possible, present, online;
	struct cpus isolated;  /* isolcpus: no thread is there that was not put there, and the scheduler balances none */
	struct cpus nohz_full; /* without a clock tick while one thread runs */
	struct host_cpu *cpu;  /* ncpus of them, by number */
	unsigned ncpus;	       /* the highest possible number and one */
	struct cpus nodes;     /* that are online; those from HOST_NODES on are not looked at */
	struct host_node *node; /* HOST_NODES of them, by number */
	uint64_t page_size[HOST_PAGE_SIZES]; /* of huge pages, in bytes, ascending; 0 behind the last */
};

/* Opens the directory below which /proc and /sys are ("/"; tests have others); dies when it cannot. */
int host_root(const char *path);

/* Reads it all; dies when there is no /sys/devices/system/cpu, or it cannot all be read. host_free frees what it took. */
void host_read(struct host *h, int root);
void host_free(struct host *h);

/* A cache and the CPUs that share it. */
struct host_cache {
	uint32_t level;
	char type[16]; /* Data, Instruction, Unified */
	uint64_t size; /* bytes */
	struct cpus cpus;
};

/* All of them, by level and then by CPU, in an array to be freed; *n of them. */
struct host_cache *host_caches(const struct host *h, int root, size_t *n);

/* A line of /proc/meminfo ("MemTotal:"), in bytes; 0 when it is not there. */
uint64_t host_meminfo(int root, const char *key);

/* Reads the nodes and their memory: a part of host_read. */
void host_read_nodes(struct host *h, int root);

/* The online CPUs that share the core of that one, which is among them; none when it is offline. */
void host_core(const struct host *h, unsigned of, struct cpus *c);

#endif
