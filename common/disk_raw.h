/* SPDX-License-Identifier: ISC */
/* What the files of a raw disk share; its users see disk.h. */
#ifndef COMMON_DISK_RAW_H
#define COMMON_DISK_RAW_H

#include "common/disk.h"
#include "common/disk_ring.h"
#include "common/util.h"

#define RAW_BOUNCE_SIZE (256 << 10)

/* The system call a request is in. */
enum raw_call {
	CALL_RW,
	CALL_SYNC,
	CALL_PUNCH,
	CALL_ZERO_RANGE,
	CALL_WRITE_ZEROES,
};

struct raw {
	struct disk disk; /* first */
	int fd;
	unsigned flags; /* DISK_ */
	bool block_device, locked;
	bool no_punch, no_zero_range; /* the file system said so */
	uint32_t align_offset, align_memory; /* of direct I/O; else 1 */
	uint8_t *bounce;		     /* RAW_BOUNCE_SIZE, of direct I/O; else NULL */
	struct disk_ring ring;
	struct watch watch;
	unsigned inflight;
	/* A flush serves all that asked before it began; those that ask while one runs share the next. */
	struct disk_req *flushing, *flush_next; /* lists, led by the one that makes the call */
};

static inline struct raw *
raw_of(struct disk *d)
{
	return container_of(d, struct raw, disk);
}

static inline bool
raw_writes(const struct disk_req *r)
{
	return r->op == DISK_WRITE || r->op == DISK_ZERO;
}

extern const struct disk_ops raw_ops;

/* The ring's: takes in what a system call returned, and makes the next one. */
void raw_ring_result(struct disk_ring *ring, void *data, int res);

/* Drops the locks and frees everything. */
void raw_close(struct disk *d);

/* The first n bytes are done: the rest is what is asked for now. */
void raw_advance(struct disk_req *r, size_t n);

/* Direct I/O cannot take this read, write or zero as it is. */
bool raw_misaligned(const struct raw *w, const struct disk_req *r);

/* Does such a request now, through the bounce buffer, while nothing else is in flight. 0 or an errno. */
int raw_bounce(struct raw *w, struct disk_req *r);

#endif
