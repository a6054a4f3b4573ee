/* SPDX-License-Identifier: ISC */
/* malloc for many connections; the contracts are in heap.h. */
#include <limits.h>
#include <malloc.h>
#include <stddef.h>

#include "vm-slirp/heap.h"

#define CROWD 32 /* sockets; what fewer leave behind is not worth looking for */

static size_t sockets, most; /* now, and since memory was last given back */

/*
 * libslirp has two buffers of 128 KiB and more for each connection, which it grows by realloc, and keeps for ten seconds after its
 * end (2 MSL). As parts of the heap they would be copied as they grow, untouched pages too, and what has ended would stay in memory
 * for good; so they are mappings, also once one was freed, and the top of the heap has never room for one. Frames, of 64 KiB and a
 * little, come and go too often for mappings.
 */
void
heap_init(void)
{
	mallopt(M_MMAP_THRESHOLD, 96 * 1024);
	mallopt(M_MMAP_MAX, INT_MAX);
	mallopt(M_TOP_PAD, 32 * 1024);
}

void
heap_grew(void)
{
	if (++sockets > most)
		most = sockets;
}

/* libslirp 4.7 tells of the end of a listening socket, but not of its beginning. */
void
heap_shrank(void)
{
	if (sockets)
		sockets--;
}

/*
 * The rest of a connection lies in the heap, between what lasts longer. Waiting until nothing is left would be in vain: a forward
 * that listens is a connection to libslirp, and a guest may always have some. At each halving there is as much to give back as
 * there is to look through.
 */
void
heap_tidy(void)
{
	if (most < CROWD || sockets > most / 2)
		return;
	malloc_trim(0);
	most = sockets;
}
