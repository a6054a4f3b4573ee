/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/qcow2.h"
#include "vm-img/copy_write.h"

#define BLOCK 4096 /* what file systems share are whole ones */

void
writer_begin(struct writer *w, const struct copy *c)
{
	const struct image *t = c->target;

	w->copy = c;
	w->no_share = false;
	/* Of a new qcow2 image the rest of a cluster that is written in part reads as zeroes; of others it must be written. */
	w->clusters = t->format == &format_qcow2 && c->fresh && c->zeroed && !t->encrypted && !c->pack;
	w->raw = t->format == &format_raw;
}

bool
writer_any_order(const struct writer *w)
{
	const struct copy *c = w->copy;

	return w->raw && !c->rate && c->target->file->size >= c->size;
}

/* The extent that has a byte of the job, and where in the job it begins. */
static const struct extent *
extent_at(const struct job *j, uint64_t at, uint64_t *begin)
{
	const struct extent *e = j->extents;

	for (*begin = 0; at - *begin >= e->len; e++)
		*begin += e->len;
	return e;
}

/* Has the file system share the blocks of a plain extent instead of writing them. False: it cannot. */
static bool
share(struct writer *w, const struct extent *e, uint64_t skip, uint64_t len, struct file *to, uint64_t off)
{
	struct file_clone_range range = {e->file ? e->file->fd : -1, e->off + skip, len, off};

	if (w->no_share || e->kind != EXTENT_DATA || ((range.src_offset | off | len) & (BLOCK - 1)) || range.src_fd < 0 || to->fd < 0)
		return false;
	if (ioctl(to->fd, FICLONERANGE, &range) < 0) {
		w->no_share = true;
		return false;
	}
	if (off + len > to->size)
		to->size = off + len;
	return true;
}

/* An extent's bytes that were not loaded: the kernel copies them, or they are read and written after all. */
static int
copy(struct job *j, const struct extent *e, uint64_t at, uint64_t skip, uint64_t len, struct file *to, uint64_t off)
{
	uint64_t done;
	int err;

	if (!file_copy(to, off, e->file, e->off + skip, len, &done))
		return 0;
	err = file_read(e->file, j->data + at, len - done, e->off + skip + done);
	return err ? err : file_write(to, j->data + at, len - done, off + done);
}

/* Bytes [at, at + len) of the job, which are data, to where they go in a file. */
static int
put_data(struct writer *w, struct job *j, const struct piece *p, uint64_t at, uint64_t len, struct file *to, uint64_t off)
{
	uint64_t begin, n;
	int err = 0;

	for (; len && !err; at += n, off += n, len -= n) {
		const struct extent *e = extent_at(j, at, &begin);

		n = min_u64(len, begin + e->len - at);
		if (p->kind == PIECE_COPY)
			err = copy(j, e, at, at - begin, n, to, off);
		else if (w->no_share)
			return file_write(to, j->data + at, len, off);
		else if (!share(w, e, at - begin, n, to, off))
			err = file_write(to, j->data + at, n, off);
	}
	return err;
}

/* Of [at, at + len) the pieces that are data, to where `at` is in a file. */
static int
put_pieces(struct writer *w, struct job *j, uint64_t at, uint64_t len, struct file *to, uint64_t off)
{
	uint64_t end = at + len;
	int err = 0;

	for (size_t i = 0; i < j->npieces && !err; i++) {
		const struct piece *p = &j->pieces[i];
		uint64_t from = p->at < at ? at : p->at, until = min_u64(p->at + p->len, end);

		if (from < until && p->kind != PIECE_ZERO)
			err = put_data(w, j, p, from, until - from, to, off + (from - at));
	}
	return err;
}

/* Clusters of a new qcow2 image: found, written, then linked. */
static int
put_clusters(struct writer *w, struct job *j, uint64_t at, uint64_t len)
{
	struct qcow2_write q;
	int err = 0, linked;

	for (; len && !err; at += q.len, len -= q.len) {
		err = qcow2_write_begin(w->copy->target, j->off + at, len, &q);
		if (err)
			break;
		if (w->copy->pass != COPY_LAYOUT)
			err = put_pieces(w, j, at, q.len, q.file, q.off);
		linked = qcow2_write_end(w->copy->target, &q, !err);
		if (!err)
			err = linked;
	}
	return err;
}

/* A cluster that has any data is written. */
static int
put_in_clusters(struct writer *w, struct job *j)
{
	uint64_t unit = w->copy->target->cluster_size, from = 0, to = 0;
	int err = 0;

	for (size_t i = 0; i < j->npieces && !err; i++) {
		const struct piece *p = &j->pieces[i];

		if (p->kind == PIECE_ZERO)
			continue;
		if (align_down(p->at, unit) > to) {
			err = put_clusters(w, j, from, to - from);
			from = align_down(p->at, unit);
		}
		to = min_u64(align_up(p->at + p->len, unit), j->len);
	}
	return err ? err : put_clusters(w, j, from, to - from);
}

static int
put_zero(struct writer *w, uint64_t off, uint64_t len)
{
	return w->copy->zeroed ? 0 : image_zero(w->copy->target, off, len, ZERO_UNMAP);
}

static int
put_piece(struct writer *w, struct job *j, const struct piece *p)
{
	struct image *t = w->copy->target;

	switch (p->kind) {
	case PIECE_ZERO:
		return put_zero(w, j->off + p->at, p->len);
	case PIECE_PACKED:
		return image_write_packed(t, j->data + p->at, p->packed, j->off + p->at);
	default:
		if (w->raw)
			return put_data(w, j, p, p->at, p->len, t->file, j->off + p->at);
		return image_write(t, j->data + p->at, p->len, j->off + p->at);
	}
}

/* To the places that the data were given; what lies between is not the copy's. */
static int
emit(struct writer *w, struct job *j)
{
	struct extent e;
	int err = 0;

	for (uint64_t at = 0; at < j->len && !err; at += e.len) {
		err = image_map(w->copy->target, j->off + at, j->len - at, &e);
		if (!err && e.kind != EXTENT_DATA)
			err = -ESTALE; /* the source has changed since its layout */
		if (!err)
			err = file_write(w->copy->emit, j->data + at, e.len, e.off);
	}
	return err;
}

int
writer_put(struct writer *w, struct job *j)
{
	int err = 0;

	if (w->copy->pass == COPY_EMIT)
		return j->kind == JOB_ZERO ? 0 : emit(w, j);
	if (j->kind == JOB_ZERO)
		return put_zero(w, j->off, j->len);
	if (w->clusters)
		return put_in_clusters(w, j);
	for (size_t i = 0; i < j->npieces && !err; i++)
		err = put_piece(w, j, &j->pieces[i]);
	return err;
}
