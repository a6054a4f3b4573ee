/* SPDX-License-Identifier: ISC */
/*
 * A disk as its users see it: asynchronous requests over byte ranges, whatever the image behind it is. Everything of one
 * disk but opening and closing happens on the thread whose loop it is attached to.
 */
#ifndef COMMON_DISK_H
#define COMMON_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/loop.h"
#include "common/why.h"

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,   /* what was written before is on stable storage when this is done */
	DISK_DISCARD, /* the bytes are not needed any more; a disk that cannot forget succeeds and does nothing */
	DISK_ZERO,    /* the bytes read as zeroes */
};

#define DISK_OPS (DISK_ZERO + 1)

/* Flags of a request. */
#define DISK_FUA 1   /* on stable storage when done: write, discard, zero */
#define DISK_UNMAP 2 /* zero: may leave a hole */

struct disk_req {
	enum disk_op op;
	unsigned flags;
	uint64_t off, len;  /* bytes, within the disk, multiples of its block size; changed on the way */
	struct iovec *iov;  /* of read and write, len bytes in all; the array is the disk's until done, and changed by it */
	unsigned niov;	    /* at most IOV_MAX */
	/* Called once on the disk's thread, even within disk_submit; it must submit nothing. err is 0 or an errno. */
	void (*done)(struct disk_req *r, int err);
	/* the disk's own */
	struct disk_req *next;
	unsigned call;
};

struct disk;

struct disk_ops {
	const char *(*prepare)(struct disk *d, struct why *w); /* or NULL */
	int (*attach)(struct disk *d, struct loop *l);
	void (*detach)(struct disk *d);
	void (*submit)(struct disk *d, struct disk_req *r);
	void (*commit)(struct disk *d);
	void (*drain)(struct disk *d);
	void (*close)(struct disk *d);
};

/* What was asked of it, by kind. */
struct disk_count {
	uint64_t requests, bytes;
};

struct disk {
	const struct disk_ops *ops;
	struct disk_count counts[DISK_OPS];
	uint64_t size;		 /* bytes */
	uint32_t block_size;	 /* requests are multiples of it: 512, or a block device's own */
	uint32_t physical_block; /* smaller writes cost more */
	bool read_only;
	/* Set by the user: requests were done from the loop, all that were ready at once. May submit more. */
	void (*reaped)(struct disk *d);
	void *user;
};

/* How to open. */
#define DISK_DIRECT 1  /* past the page cache */
#define DISK_UNSAFE 2  /* flushes and DISK_FUA do nothing */
#define DISK_NORING 4 /* without io_uring */

/*
 * A raw image: a regular file or block device, read-only if fd is. fd stays the caller's and must outlive the disk. NULL,
 * or the reason, which may be in why. The disk is locked (disk_lock) and belongs to no loop yet.
 */
const char *disk_raw_open(struct disk **out, int fd, unsigned flags, char *why, size_t size);

/*
 * First of all, on any thread, which may be one that can do little else: reads what strangers wrote. The disk's sizes are
 * known after it. NULL, or the reason.
 */
static inline const char *
disk_prepare(struct disk *d, struct why *w)
{
	return d->ops->prepare ? d->ops->prepare(d, w) : NULL;
}

/* Completions are reported by this loop from now on; on its thread. 0 or -errno. Detach: after disk_drain. */
static inline int
disk_attach(struct disk *d, struct loop *l)
{
	return d->ops->attach(d, l);
}

static inline void
disk_detach(struct disk *d)
{
	d->ops->detach(d);
}

/* Queues a request, which may be started only by disk_commit. Requests in flight together run in any order. */
static inline void
disk_submit(struct disk *d, struct disk_req *r)
{
	d->counts[r->op].requests++;
	d->counts[r->op].bytes += r->len;
	d->ops->submit(d, r);
}

/* Starts all that was queued, and finishes what is done already; `reaped` is not called for these. */
static inline void
disk_commit(struct disk *d)
{
	d->ops->commit(d);
}

/* Waits until nothing is in flight. `reaped` is not called. */
static inline void
disk_drain(struct disk *d)
{
	d->ops->drain(d);
}

/* Drops the locks and frees the disk; nothing is in flight. */
static inline void
disk_close(struct disk *d)
{
	d->ops->close(d);
}

/*
 * Takes the bytes by which QEMU's file driver and ours tell each other who reads and writes an image (F_OFD_SETLK: held by
 * the open file, so a loader may have taken them). A writer keeps all others out, readers keep writers out. NULL, or the
 * reason. A file system without locks is passed over with a warning that names `fd`.
 */
const char *disk_lock(int fd, bool writer);
void disk_unlock(int fd);

#endif
