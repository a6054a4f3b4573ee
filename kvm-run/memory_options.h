/* SPDX-License-Identifier: ISC */
/* What -m says of the guest's memory. */
#ifndef KVM_RUN_MEMORY_OPTIONS_H
#define KVM_RUN_MEMORY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_MIN (1ULL << 20)
#define MEMORY_MAX (1ULL << 40)
#define MEMORY_DEFAULT (256ULL << 20)
#define MEMORY_NODES_MAX 8

enum memory_thp { THP_ALWAYS, THP_HOST /* as the host has set it */, THP_NEVER };

/* hard: the guest keeps its balloon even when it is out of memory, and counts it out of what it has */
enum memory_balloon { BALLOON_ON, BALLOON_HARD, BALLOON_OFF };

struct memory_options {
	uint64_t size;	 /* at the start, bytes; whole pages */
	bool given;	 /* with a mem wire it must agree */
	uint64_t max;	 /* with what virtio-mem can add, or 0: nothing */
	uint64_t huge;	 /* a memfd of pages of this size, or 0 */
	bool share;	 /* a memfd */
	bool lock;	 /* never swapped */
	bool merge;	 /* KSM from the start */
	enum memory_thp thp;
	enum memory_balloon balloon;
	unsigned nodes;	 /* of the guest; 1 unless said */
	uint64_t node_size[MEMORY_NODES_MAX]; /* together `size`; set when nodes > 1 */
	const char *node_cpus;	/* "0-1:2-3", or NULL: an even share of vCPUs in order for each; ends at a comma or \0 */
	unsigned hosts;	 /* 0, or as many as nodes */
	unsigned host[MEMORY_NODES_MAX]; /* node of the host that node i is bound to */
};

#define MEMORY_OPTIONS_NONE {.size = MEMORY_DEFAULT, .nodes = 1}

/*
 * Parses "1G", "4G,huge", "4G,huge=1G,nodes=2,host=0:1", "3G,nodes=1G:2G,cpus=0-1:2-7", "1G,max=8G", "1G,share,lock,merge",
 * "1G,thp=host", "1G,balloon=off". A bare size is in MiB. NULL, or the reason, perhaps in why. Pointers go into text, which must stay.
 */
const char *memory_options_parse(struct memory_options *o, const char *text, char *why, size_t size);

#endif
