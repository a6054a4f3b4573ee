/* SPDX-License-Identifier: ISC */
/*
 * Jobs: which may run beside which, and how they go on. Reads and writes of the same clusters run together; the image says
 * when two writes may not. What gives clusters up (zeroes, discards) runs alone: data in flight is never hit by other data
 * that a cluster was given to meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_image_dev.h"

static void
list_add(struct job **at, struct job *j)
{
	j->next = *at;
	j->link = at;
	if (*at)
		(*at)->link = &j->next;
	*at = j;
}

static void
list_remove(struct job *j)
{
	*j->link = j->next;
	if (j->next)
		j->next->link = j->link;
}

struct job *
job_new(struct disk_image *d, struct disk_req *r)
{
	struct job *j = d->free_jobs;

	if (j)
		d->free_jobs = j->next;
	else
		j = malloc(sizeof(*j));
	if (!j)
		return NULL;
	j->d = d;
	j->r = r;
	j->from = align_down(r->off, d->cluster);
	j->to = align_up(r->off + r->len, d->cluster);
	j->at = r->off;
	j->vec = (struct vec){r->iov, r->niov, r->len};
	j->stage = STAGE_BEGIN;
	j->alone = r->op > DISK_WRITE || (r->op == DISK_WRITE && (!d->two_step || (r->off | r->len) & (d->align - 1)));
	j->linking = false;
	j->parts = 0;
	j->err = 0;
	j->nwrites = 0;
	j->old = NULL;
	return j;
}

/* Whether a job that is older, and has not begun, has to begin before. */
static bool
behind(const struct job *j, const struct job *first)
{
	for (const struct job *w = first; w && w != j; w = w->next)
		if (job_touches(w, j->from, j->to) && (j->alone || w->alone || j->r->op != w->r->op))
			return true;
	return false;
}

static bool
has_to_wait(const struct job *j)
{
	const struct disk_image *d = j->d;

	if (j->alone && d->flushing)
		return true;
	for (const struct job *o = d->parked; o; o = o->next)
		if (job_touches(o, j->from, j->to) && (j->alone || o->alone || (o->linking && j->r->op == DISK_READ)))
			return true;
	/* Who runs alone is done at once, unless it rewrites. */
	for (const struct job *o = j->alone || image_rewrites(d) ? d->running : NULL; o; o = o->next)
		if (job_touches(o, j->from, j->to) && (j->alone || o->alone))
			return true;
	return behind(j, d->waiting);
}

static void
begin(struct job *j)
{
	list_add(&j->d->running, j);
	job_go_on(j);
}

void
job_admit(struct job *j)
{
	struct disk_image *d = j->d;

	if (!has_to_wait(j)) {
		begin(j);
		return;
	}
	j->next = NULL;
	j->link = d->waiting_end;
	*d->waiting_end = j;
	d->waiting_end = &j->next;
}

void
job_look(struct disk_image *d)
{
	if (d->looking)
		return;
	d->looking = true;
	while (d->look) {
		d->look = false;
		for (struct job *j = d->waiting, *next; j; j = next) {
			next = j->next;
			if (has_to_wait(j))
				continue;
			list_remove(j);
			if (d->waiting_end == &j->next)
				d->waiting_end = j->link;
			begin(j);
		}
	}
	d->looking = false;
}

void
job_park(struct job *j)
{
	list_remove(j);
	list_add(&j->d->parked, j);
}

void
job_unpark(struct disk_image *d)
{
	struct job *parked = d->parked;

	d->parked = NULL;
	if (parked)
		parked->link = &parked;
	while (parked) {
		struct job *j = parked;

		list_remove(j);
		j->linking = false;
		begin(j);
	}
	d->look |= d->waiting != NULL;
}

/* A fault of the image is its owner's to know; the guest has an I/O error. */
static void
tell(struct disk_image *d)
{
	for (const struct image *i = d->top; i && !d->told; i = i->backing)
		if (i->fault.text[0]) {
			warn("%s: %s", i->file->name, i->fault.text);
			d->told = true;
		}
}

/* Whether a write waits for this read, among others perhaps, before it links what it has written. */
static bool
was_awaited(const struct job *j)
{
	for (const struct job *o = j->d->parked; o; o = o->next)
		if (o->linking && job_touches(o, j->from, j->to))
			return true;
	return false;
}

void
job_end(struct job *j)
{
	struct disk_image *d = j->d;
	struct disk_req *r = j->r;
	int err = -j->err;

	list_remove(j);
	j->next = d->free_jobs;
	d->free_jobs = j;
	d->look |= d->waiting != NULL;
	if (err)
		tell(d);
	if (r->op == DISK_READ && was_awaited(j))
		job_unpark(d);
	if (!err && r->flags & DISK_FUA && r->op != DISK_READ)
		flush_ask(d, r);
	else
		r->done(r, err);
}

/* A write by the image itself. */
static int
write_now(struct job *j)
{
	int err = 0;

	for (struct iovec *v = j->vec.iov; v < j->vec.iov + j->vec.niov && !err; v++) {
		err = image_write(j->d->top, v->iov_base, v->iov_len, j->at);
		j->at += v->iov_len;
	}
	return err;
}

static bool
step(struct job *j)
{
	struct image *top = j->d->top;
	struct disk_req *r = j->r;

	if (r->op == DISK_WRITE && j->d->two_step)
		return write_step(j);
	if (j->stage == STAGE_END) {
		job_end(j);
		return false;
	}
	j->stage = STAGE_END;
	if (r->op == DISK_READ)
		job_fail(j, part_load(j, r->off, &j->vec, r->len));
	else if (r->op == DISK_WRITE)
		j->err = write_now(j);
	else if (r->op == DISK_ZERO)
		j->err = image_zero(top, r->off, r->len, r->flags & DISK_UNMAP ? ZERO_UNMAP : 0);
	else
		j->err = image_discard(top, r->off, r->len);
	return true;
}

void
job_go_on(struct job *j)
{
	while (!j->parts) {
		j->parts = 1;
		if (!step(j))
			return;
		j->parts--;
	}
}
