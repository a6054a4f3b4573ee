/* SPDX-License-Identifier: ISC */
/* A disk in memory that writes down what it is asked, and aborts when that is beyond it: for tests of what uses disks. */
#ifndef TESTS_UNIT_DISK_RIG_H
#define TESTS_UNIT_DISK_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk.h"

#define RIG_DISK (64 << 10)

/* The disk: `hold` keeps requests until rig_release; `error` is what they end with. */
static uint8_t rig_bytes[RIG_DISK];
static char rig_log[8192];
static bool rig_hold;
static int rig_error;
static struct disk_req *rig_held;

static void
rig_copy(const struct disk_req *r)
{
	uint64_t off = r->off;

	for (unsigned i = 0; i < r->niov; i++) {
		const struct iovec *v = &r->iov[i];

		if (off > RIG_DISK || v->iov_len > RIG_DISK - off)
			abort(); /* the device must not let it pass */
		if (r->op == DISK_READ)
			memcpy(v->iov_base, rig_bytes + off, v->iov_len);
		else
			memcpy(rig_bytes + off, v->iov_base, v->iov_len);
		off += v->iov_len;
	}
	if (off != r->off + r->len)
		abort();
}

static void
rig_finish(struct disk_req *r)
{
	if (!rig_error && (r->op == DISK_READ || r->op == DISK_WRITE))
		rig_copy(r);
	if (!rig_error && r->op == DISK_ZERO)
		memset(rig_bytes + r->off, 0, r->len);
	r->done(r, rig_error);
}

static void
rig_submit(struct disk *d, struct disk_req *r)
{
	static const char *const names[] = {"read", "write", "flush", "discard", "zero"};
	size_t n = strlen(rig_log);

	if (r->off > d->size || r->len > d->size - r->off || (r->off | r->len) % d->block_size)
		abort();
	n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "%s%s", n ? " " : "", names[r->op]);
	if (r->len && n < sizeof(rig_log))
		n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "@%llu+%llu", (unsigned long long)r->off,
		    (unsigned long long)r->len);
	if (r->op <= DISK_WRITE && n < sizeof(rig_log))
		n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "/%u", r->niov);
	if (n < sizeof(rig_log))
		snprintf(rig_log + n, sizeof(rig_log) - n, "%s%s", r->flags & DISK_FUA ? "!" : "",
		    r->flags & DISK_UNMAP ? "?" : "");
	r->next = rig_held;
	rig_held = r;
}

/* Finishes all that is held, the last first: order is not promised. */
static void
rig_release(struct disk *d)
{
	(void)d;
	while (rig_held) {
		struct disk_req *r = rig_held;

		rig_held = r->next;
		rig_finish(r);
	}
}

static void
rig_commit(struct disk *d)
{
	if (!rig_hold)
		rig_release(d);
}

static int
rig_attach(struct disk *d, struct loop *l)
{
	(void)d;
	(void)l;
	return 0;
}

static void
rig_nothing(struct disk *d)
{
	(void)d;
}

static const struct disk_ops rig_ops = {
	.attach = rig_attach,
	.detach = rig_nothing,
	.submit = rig_submit,
	.commit = rig_commit,
	.drain = rig_release,
	.close = rig_nothing,
};
static struct disk rig_disk;

#endif
