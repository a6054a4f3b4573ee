/* SPDX-License-Identifier: ISC */
/* An io_uring that can do nothing but move bytes of the files it was made for: what a disk needs, and no more. */
#ifndef COMMON_DISK_RING_H
#define COMMON_DISK_RING_H

#include <liburing.h>
#include <stdbool.h>

#define DISK_RING_INFLIGHT 256 /* more answers have no room, and some kernels take no entry then */

struct disk_ring {
	bool open;
	unsigned slow; /* how many times more nothing is waited for */
	struct io_uring ring;
	/* What the kernel answered to the entry with this data; may put others into the ring. */
	void (*result)(struct disk_ring *r, void *data, int res);
};

/*
 * A ring with the descriptors registered as files 0..n-1 (-1: none), restricted to reading, writing, syncing and fallocating
 * them: io_uring passes seccomp by, so it gets rules of its own. 0 or -errno (the kernel has none, forbids it, is out of
 * memory). r->result is the caller's to set.
 */
int disk_ring_open(struct disk_ring *r, const int *fds, unsigned n);
void disk_ring_close(struct disk_ring *r); /* of one that is not open: nothing */

/* An entry to be filled in; when the ring is full the kernel empties it first. */
struct io_uring_sqe *disk_ring_entry(struct disk_ring *r);

/* Gives the kernel all that is in the ring, and takes what it finishes, at once or (wait) at least one. */
void disk_ring_turn(struct disk_ring *r, bool wait);

/*
 * When the ring's descriptor is ready: takes what the kernel has finished. If so many entries are on their way that nobody waits
 * for a single one, some more of them are waited for, for moments: as a disk's own controller does, so that not each of them
 * costs a wake-up and an interrupt.
 */
void disk_ring_ready(struct disk_ring *r, unsigned inflight);

#endif
