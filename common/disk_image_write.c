/* SPDX-License-Identifier: ISC */
/*
 * Writes: bytes that have a place of their own are written there; others get new clusters, are written into them together
 * with what the disk has around them, and are then linked. Each such stretch is one pass through the stages.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/disk_image_dev.h"
#include "common/iov.h"

/* Whether the disk may have other bytes than zeroes there. */
static bool
holds_bytes(struct image *i, uint64_t off, uint64_t len)
{
	struct extent e;

	for (; len; off += e.len, len -= e.len)
		if (image_map_chain(i, off, len, &e, NULL) || e.kind == EXTENT_DATA || e.kind == EXTENT_PACKED)
			return true;
	return false;
}

static int
load(struct job *j, uint64_t off, uint8_t *buf, uint64_t len)
{
	struct iovec iov = {buf, len};
	struct vec v = {&iov, 1, len};

	return len ? part_load(j, off, &v, len) : 0;
}

/*
 * Reads what surrounds the bytes. Space past the end of the file was never written: zeroes need not be written into it.
 */
static int
begin_old(struct job *j)
{
	struct qcow2_write *w = &j->write;
	struct image *top = j->d->top;
	uint64_t end = w->at + w->len;
	int err;

	if (w->off - w->head >= w->file->size && !w->file->block_device) {
		if (w->head && !holds_bytes(top, w->at - w->head, w->head))
			w->head = 0;
		if (w->tail && !holds_bytes(top, end, w->tail))
			w->tail = 0;
	}
	if (w->head + w->tail == 0)
		return 0;
	j->old = malloc(w->head + w->tail);
	if (!j->old)
		return -ENOMEM;
	err = load(j, w->at - w->head, j->old, w->head);
	return err ? err : load(j, end, j->old + w->head, w->tail);
}

/* Writes head, bytes and tail. */
static int
begin_new(struct job *j)
{
	struct qcow2_write *w = &j->write;
	struct iovec *own;
	unsigned n = 0;

	if (!j->old)
		return part_start(j, FILE_WRITE, w->file, w->off, &j->vec, w->len);
	own = calloc(j->vec.niov + 2, sizeof(*own));
	if (!own)
		return -ENOMEM;
	if (w->head)
		own[n++] = (struct iovec){j->old, w->head};
	n += iov_part(own + n, j->vec.iov, j->vec.niov, 0, w->len);
	if (w->tail)
		own[n++] = (struct iovec){j->old + w->head, w->tail};
	iov_skip(&j->vec.iov, &j->vec.niov, w->len);
	j->vec.len -= w->len;
	return part_start_own(j, FILE_WRITE, w->file, w->off - w->head, own, n, w->head + w->len + w->tail);
}

/* Begins the next stretch; false when another write or flush has to end before. */
static bool
begin(struct job *j)
{
	int err = qcow2_write_begin(j->d->top, j->at, j->vec.len, &j->write);

	if (err == -EAGAIN) {
		job_park(j);
		j->parts = 0;
		return false;
	}
	j->err = err;
	if (err)
		return true;
	j->stage = STAGE_OLD;
	j->at += j->write.len;
	j->err = begin_old(j);
	return true;
}

/* Whether reads of what the write replaces are under way. */
static bool
being_read(const struct job *j)
{
	for (const struct job *o = j->d->running; o; o = o->next)
		if (o->r->op == DISK_READ && job_touches(o, j->from, j->to))
			return true;
	return false;
}

/* Ends the stretch: links it, unless it failed. False when it has to wait for that. */
static bool
link_new(struct job *j)
{
	struct disk_image *d = j->d;
	bool fresh = j->write.fresh;
	int err;

	if (fresh && (d->flushing || being_read(j))) {
		j->linking = being_read(j); /* else the next reads would have to wait for nothing */
		job_park(j);
		j->parts = 0;
		return false;
	}
	err = qcow2_write_end(d->top, &j->write, !j->err);
	if (!j->err)
		j->err = err;
	free(j->old);
	j->old = NULL;
	j->stage = STAGE_BEGIN;
	if (fresh)
		job_unpark(d);
	return true;
}

bool
write_step(struct job *j)
{
	switch (j->stage) {
	case STAGE_OLD:
		if (!j->err) {
			j->stage = STAGE_NEW;
			j->err = begin_new(j);
			return true;
		}
		/* fallthrough */
	case STAGE_NEW:
		return link_new(j);
	default:
		if (j->vec.len && !j->err)
			return begin(j);
		job_end(j);
		return false;
	}
}
