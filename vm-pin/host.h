/* SPDX-License-Identifier: ISC */
/* What the host's CPUs and memory are, as /sys and /proc have it. */
#ifndef VM_PIN_HOST_H
#define VM_PIN_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "vm-pin/cpulist.h"

#define HOST_NODES 64	    /* NUMA nodes that are read */
#define HOST_CACHES 4	    /* levels and kinds of one CPU: L1d, L1i, L2, L3 */
#define HOST_PAGE_SIZES 4   /* of huge pages */
#define HOST_NONE UINT32_MAX /* what is not known: of an offline CPU, or on a kernel without NUMA */

/* A CPU. Cores, dies and caches are named by the lowest online CPU of theirs, because the kernel's own numbers of them repeat
 * from socket to socket: two CPUs are threads of one core when their cores are equal. */
struct host_cpu {
	uint32_t socket; /* physical_package_id */
	uint32_t die;
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

/* Reads it all; dies when there is no /sys/devices/system/cpu. host_free frees what it took. */
void host_read(struct host *h, int root);
void host_free(struct host *h);

/* The online CPUs for which fn says yes are those that belong to `of` in that sense: the threads of its core, and so on. */
void host_core(const struct host *h, unsigned of, struct cpus *c);
void host_socket(const struct host *h, unsigned of, struct cpus *c);

#endif
