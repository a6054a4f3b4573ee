/* SPDX-License-Identifier: ISC */
/*
 * The lease log: lines (record.h) appended to DIR/NAME.leases, which are on the disk before anybody is told of them. What is
 * outdated in it is dropped by way of a copy, DIR/NAME.leases~: first the copy is written and synced, then the log is
 * overwritten from it. Whenever the machine stops, one of the two is whole. Both stay open, so that a server which has
 * given up its rights needs no path.
 */
#ifndef VM_DHCPD_LEASELOG_H
#define VM_DHCPD_LEASELOG_H

#include <sys/types.h>

#include "vm-dhcpd/record.h"

struct leaselog {
	int fd, copy;	/* -1: nothing is kept */
	char *path;
	off_t end;	/* of what is good in fd */
	off_t compacted; /* what end was when all of it was needed */
	char *buf;	/* lines that leaselog_commit writes */
	size_t len, room;
	bool failing;	/* the last commit did, and it was said */
	bool damaged;	/* has lines that are none */
	bool half;	/* the copy is whole, and the log not yet overwritten from it */
};

typedef void record_handler(void *arg, const struct record *r);

/*
 * Opens, makes and locks the log (O_CREAT in dir, which is made too) and hands its records to fn, in order. A line cut off at
 * the end is what a power cut leaves, and was promised to nobody; other bad lines are told with their number, and the log as
 * it was stays as NAME.leases.bad. Dies when it cannot, or another process has it.
 */
void leaselog_open(struct leaselog *g, const char *dir, const char *name, record_handler *fn, void *arg);

/* Reads the log of a server that may run: list and wait. 0 or -errno; -EAGAIN when it was shortened meanwhile. */
int leaselog_read(int dir, const char *file, record_handler *fn, void *arg);

/* Queues a record. */
void leaselog_add(struct leaselog *g, const struct record *r);

/* Writes and syncs what is queued. False, with nothing changed, when it cannot be: then nobody may be told. */
bool leaselog_commit(struct leaselog *g);

/* It has grown to twice its needs, and some: drop what is outdated. `each` adds all records that count, by leaselog_add. */
bool leaselog_is_long(const struct leaselog *g);
void leaselog_compact(struct leaselog *g, void (*each)(struct leaselog *g, void *arg), void *arg);

void leaselog_close(struct leaselog *g);

#endif
