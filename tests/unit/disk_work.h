/* SPDX-License-Identifier: ISC */
/* One disk in a loop, worked by requests that are waited for. A test sets `disk` and calls loop_init on `loop` itself. */
#ifndef TESTS_UNIT_DISK_WORK_H
#define TESTS_UNIT_DISK_WORK_H

#include "common/disk.h"

static struct loop loop;
static struct disk *disk;
static unsigned pending, reaped, failed;
static int last_error;

static void
done(struct disk_req *r, int err)
{
	(void)r;
	pending--;
	failed += err != 0;
	if (err)
		last_error = err;
}

static void
on_reaped(struct disk *d)
{
	(void)d;
	reaped++;
}

/* Submits r, and waits for it and all others in the loop. */
static int
run(struct disk_req *r)
{
	last_error = 0;
	r->done = done;
	pending++;
	disk_submit(disk, r);
	disk_commit(disk);
	while (pending)
		loop_once(&loop, 10000);
	return last_error;
}

/* In two pieces, as a guest's requests come; of whole sectors where all of it is, as what goes past the page cache needs. */
static int
rw(enum disk_op op, unsigned flags, uint64_t off, void *p, size_t len)
{
	size_t first = len % 512 ? len / 3 : len / 2 & ~(size_t)511;
	struct iovec iov[2] = {{p, first}, {(char *)p + first, len - first}};
	struct disk_req r = {.op = op, .flags = flags, .off = off, .len = len, .iov = iov + !first, .niov = first ? 2 : 1};

	return run(&r);
}

static int
range(enum disk_op op, unsigned flags, uint64_t off, uint64_t len)
{
	struct disk_req r = {.op = op, .flags = flags, .off = off, .len = len};

	return run(&r);
}

#endif
