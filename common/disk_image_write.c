/* SPDX-License-Identifier: ISC */
/*
 * Writes: bytes that have a place of their own are written there; others get new clusters, are written into them together
 * with what the disk has around them, and are then linked. A pass through the stages is some of the first, then one of the second.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/disk_image_dev.h"
#include "common/iov.h"

static int
load(struct job *j, uint64_t off, uint8_t *buf, uint64_t len)
{
	struct iovec iov = {buf, len};
	struct vec v = {&iov, 1, len};

	return len ? part_load(j, off, &v, len) : 0;
}

/* Reads what surrounds the bytes, as far as the image asks for it. */
static int
begin_old(struct job *j, const struct qcow2_write *w)
{
	int err;

	if (w->head + w->tail == 0)
		return 0;
	j->old = job_memory(j, w->head + w->tail);
	if (!j->old)
		return -ENOMEM;
	err = load(j, w->at - w->head, j->old, w->head);
	return err ? err : load(j, w->at + w->len, j->old + w->head, w->tail);
}

static void
take_off(struct vec *v, uint64_t len)
{
	iov_skip(&v->iov, &v->niov, len);
	v->len -= len;
}

/* All of it in one buffer, encrypted there: what the guest has in its memory stays as it is. */
static int
begin_encrypted(struct job *j, const struct qcow2_write *w)
{
	uint64_t len = w->head + w->len + w->tail, before = align_up(sizeof(struct iovec), j->d->align);
	struct iovec *own = job_memory(j, before + len);
	uint8_t *buf = (uint8_t *)own + before;
	int err;

	if (!own)
		return -ENOMEM;
	*own = (struct iovec){buf, len};
	if (w->head)
		memcpy(buf, j->old, w->head);
	if (w->tail)
		memcpy(buf + w->head + w->len, j->old + w->head, w->tail);
	iov_read(j->vec.iov, j->vec.niov, 0, buf + w->head, w->len);
	take_off(&j->vec, w->len);
	err = qcow2_encrypt(j->d->top, buf, len, w->off - w->head, w->at - w->head);
	if (!err)
		return part_start_own(j, FILE_WRITE, w->file, w->off - w->head, own, 1, len);
	free(own);
	return err;
}

/* Writes head, bytes and tail. */
static int
begin_new(struct job *j, const struct qcow2_write *w)
{
	struct iovec *own;
	unsigned n = 0;

	if (j->d->top->encrypted)
		return begin_encrypted(j, w);
	if (w->head + w->tail == 0)
		return part_start(j, FILE_WRITE, w->file, w->off, &j->vec, w->len);
	own = calloc(j->vec.niov + 2, sizeof(*own));
	if (!own)
		return -ENOMEM;
	if (w->head)
		own[n++] = (struct iovec){j->old, w->head};
	n += iov_part(own + n, j->vec.iov, j->vec.niov, 0, w->len);
	if (w->tail)
		own[n++] = (struct iovec){j->old + w->head, w->tail};
	take_off(&j->vec, w->len);
	return part_start_own(j, FILE_WRITE, w->file, w->off - w->head, own, n, w->head + w->len + w->tail);
}

/* The write that has to be linked; NULL: none. */
static struct qcow2_write *
fresh_of(struct job *j)
{
	struct qcow2_write *last = j->nwrites ? &j->writes[j->nwrites - 1] : NULL;

	return last && last->fresh ? last : NULL;
}

/* Begins the next piece. -EAGAIN: another write has to end before. */
static int
begin_one(struct job *j)
{
	struct image *top = j->d->top;
	uint64_t len = top->encrypted ? min_u64(j->vec.len, ENCRYPTED_MAX) : j->vec.len;
	struct qcow2_write *w = &j->writes[j->nwrites];
	int err = qcow2_write_begin(top, j->at, len, w);

	if (err)
		return err;
	j->nwrites++;
	j->at += w->len;
	return w->fresh ? begin_old(j, w) : begin_new(j, w);
}

/* Begins what can be under way together; false when another write has to end before any of it. */
static bool
begin(struct job *j)
{
	int err;

	do
		err = begin_one(j);
	while (!err && j->vec.len && !fresh_of(j) && j->nwrites < JOB_WRITES);
	if (err == -EAGAIN && !j->nwrites) {
		job_park(j);
		j->parts = 0;
		return false;
	}
	j->stage = STAGE_OLD;
	if (err != -EAGAIN) /* else the next turn's */
		job_fail(j, err);
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

/* Ends what was begun: links what is fresh, unless it failed. False when it has to wait for that. */
static bool
end_all(struct job *j)
{
	struct disk_image *d = j->d;
	bool fresh = fresh_of(j), ok = !j->err;

	if (fresh && (d->flushing || being_read(j))) {
		j->linking = being_read(j); /* else the next reads would have to wait for nothing */
		job_park(j);
		j->parts = 0;
		return false;
	}
	for (unsigned i = 0; i < j->nwrites; i++)
		job_fail(j, qcow2_write_end(d->top, &j->writes[i], ok));
	j->nwrites = 0;
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
		j->stage = STAGE_NEW;
		if (!j->err && fresh_of(j))
			job_fail(j, begin_new(j, fresh_of(j)));
		return true;
	case STAGE_NEW:
		return end_all(j);
	default:
		if (j->vec.len && !j->err)
			return begin(j);
		job_end(j);
		return false;
	}
}
