/* SPDX-License-Identifier: ISC */
/*
 * Flushes: the image says what is to be written in which order, and between its steps the files are synced by the ring, so
 * that the thread goes on serving. Those who ask while one runs share the next.
 */
#include "common/disk_image_dev.h"

static void flush_go_on(struct disk_image *d);

static void
synced(struct file_io *io, int err)
{
	struct disk_image *d = container_of(io, struct sync, io)->d;

	if (err && !d->flush_err)
		d->flush_err = err;
	if (--d->syncs == 0)
		flush_go_on(d);
}

static void
sync_files(struct disk_image *d)
{
	for (unsigned i = 0; i < d->nwritten; i++) {
		d->sync[i] = (struct sync){{.op = FILE_SYNC, .file = d->written[i], .done = synced}, d};
		d->syncs++;
		disk_files_start(&d->files, &d->sync[i].io);
	}
}

/* 1 when the files have to be synced now. */
static int
flush_step(struct disk_image *d)
{
	if (d->flush_err)
		return d->flush_err;
	return d->two_step ? qcow2_flush_next(d->top, &d->flush) : image_flush(d->top);
}

static void
flush_begin(struct disk_image *d, struct disk_req *list)
{
	d->flushing = list;
	d->flush = (struct qcow2_flush){0};
	d->flush_err = 0;
	flush_go_on(d);
}

/* What waited for the flush goes on before the next one begins. */
static void
flush_end(struct disk_image *d, int err)
{
	struct disk_req *r = d->flushing, *next;

	d->flushing = NULL;
	d->flush_ending = true;
	job_unpark(d);
	for (; r; r = next) {
		next = r->next;
		r->done(r, -err);
	}
	d->flush_ending = false;
	r = d->flush_next;
	d->flush_next = NULL;
	if (r)
		flush_begin(d, r);
}

static void
flush_go_on(struct disk_image *d)
{
	int more;

	do {
		more = flush_step(d);
		if (more != 1) {
			flush_end(d, more);
			return;
		}
		d->syncs = 1;
		sync_files(d);
	} while (--d->syncs == 0);
}

void
flush_ask(struct disk_image *d, struct disk_req *r)
{
	if (d->flushing || d->flush_ending) {
		r->next = d->flush_next;
		d->flush_next = r;
		return;
	}
	r->next = NULL;
	flush_begin(d, r);
}
