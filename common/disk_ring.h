/* SPDX-License-Identifier: ISC */
/* An io_uring that can do nothing but move bytes of one file: what a disk needs, and no more. */
#ifndef COMMON_DISK_RING_H
#define COMMON_DISK_RING_H

#include <liburing.h>

/*
 * A ring with file 0 registered, restricted to reading, writing, syncing and fallocating it: io_uring passes seccomp by,
 * so it gets rules of its own. 0 or -errno (the kernel has none, forbids it, is out of memory).
 */
int disk_ring_open(struct io_uring *ring, unsigned entries, int fd);

#endif
