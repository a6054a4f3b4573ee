/* SPDX-License-Identifier: ISC */
/* An image as a disk: how it begins and ends, and how requests come in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/disk_image_dev.h"
#include "common/image/formats.h"
#include "common/image/unpack.h"

#define FILE_BLOCK 4096 /* what the page cache and most file systems write at least */

/* Brings all as far as it comes; with wait at least one transfer to its end. */
static void
turn(struct disk_image *d, bool wait)
{
	job_look(d);
	if (!d->files.ring.open)
		return;
	disk_ring_turn(&d->files.ring, wait);
	while (d->look) {
		job_look(d);
		disk_ring_turn(&d->files.ring, false);
	}
}

static void
ring_ready(struct watch *watch, uint32_t events)
{
	struct disk_image *d = container_of(watch, struct disk_image, watch);

	(void)events;
	turn(d, false);
	if (d->disk.reaped)
		d->disk.reaped(&d->disk);
}

static int
attach(struct disk *disk, struct loop *l)
{
	struct disk_image *d = image_of(disk);

	if (!d->files.ring.open)
		return 0;
	d->watch = (struct watch){.fd = d->files.ring.ring.ring_fd, .handler = ring_ready};
	return loop_watch(l, &d->watch, EPOLLIN);
}

static void
detach(struct disk *disk)
{
	loop_unwatch(&image_of(disk)->watch);
}

static void
submit(struct disk *disk, struct disk_req *r)
{
	struct disk_image *d = image_of(disk);
	struct job *j;

	if (d->flags & DISK_UNSAFE) {
		r->flags &= ~(unsigned)DISK_FUA;
		if (r->op == DISK_FLUSH) {
			r->done(r, 0);
			return;
		}
	}
	if (r->op == DISK_FLUSH) {
		flush_ask(d, r);
		return;
	}
	j = job_new(d, r);
	if (j)
		job_admit(j);
	else
		r->done(r, ENOMEM);
}

static void
commit(struct disk *disk)
{
	turn(image_of(disk), false);
}

static void
drain(struct disk *disk)
{
	struct disk_image *d = image_of(disk);

	turn(d, false);
	while (d->files.inflight)
		turn(d, true);
}

/* The files of one layer: its own, and the one that data is in where that is another. */
static unsigned
layer_files(struct image *i, struct file *f[2])
{
	f[0] = i->file;
	f[1] = i->format == &format_qcow2 ? qcow2_data_file(i) : i->file;
	return f[1] == f[0] ? 1 : 2;
}

static const char *
prepare(struct disk *disk, struct why *w)
{
	struct disk_image *d = image_of(disk);
	struct image *top = d->open(d->user, w);

	if (!top)
		return w->text;
	d->top = top;
	d->two_step = top->format == &format_qcow2;
	d->cluster = top->cluster_size ? top->cluster_size : FILE_BLOCK;
	d->nwritten = layer_files(top, d->written);
	if (d->cluster < d->align) /* else what is rewritten around one cluster would be another's */
		return why(w, "clusters of %llu bytes are less than the %llu of direct I/O", (unsigned long long)d->cluster,
		    (unsigned long long)d->align);
	disk->size = top->size;
	disk->block_size = 512;
	disk->physical_block = FILE_BLOCK;
	disk->read_only = top->read_only;
	return NULL;
}

static void
close_image(struct disk *disk)
{
	struct disk_image *d = image_of(disk);
	int err;

	disk_files_close(&d->files);
	err = image_close(d->top);
	if (err)
		warn("closing an image: %s", strerror(-err));
	unpacker_free(d->unpacker);
	for (struct job *j = d->free_jobs, *next; j; j = next) {
		next = j->next;
		free(j);
	}
	for (struct part *p = d->free_parts, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free(d);
}

static const struct disk_ops ops = {
	.prepare = prepare,
	.attach = attach,
	.detach = detach,
	.submit = submit,
	.commit = commit,
	.drain = drain,
	.close = close_image,
};

struct disk *
disk_image_new(struct file *const *files, unsigned n, unsigned flags,
    struct image *(*open)(void *user, struct why *w), void *user)
{
	struct disk_image *d = n <= DISK_FILES_MAX ? calloc(1, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	d->unpacker = unpacker_new();
	if (!d->unpacker) {
		free(d);
		return NULL;
	}
	d->disk.ops = &ops;
	d->flags = flags;
	d->open = open;
	d->user = user;
	d->waiting_end = &d->waiting;
	d->align = 16; /* malloc's */
	for (unsigned i = 0; i < n; i++) {
		d->files.file[i] = files[i];
		if (files[i]->align > d->align)
			d->align = files[i]->align;
	}
	d->files.n = n;
	disk_files_open(&d->files, flags & DISK_NORING);
	return &d->disk;
}
