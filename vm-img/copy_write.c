/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "vm-img/copy_write.h"

#define BLOCK 4096 /* what file systems share are whole ones */

void
writer_begin(struct writer *w, const struct copy *c)
{
	const struct image *t = c->target;

	w->copy = c;
	w->no_share = false;
	w->in_file = t->format == &format_raw;
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
		return w->in_file ? put_data(w, j, p, p->at, p->len, t->file, j->off + p->at) :
				    image_write(t, j->data + p->at, p->len, j->off + p->at);
	}
}

int
writer_put(struct writer *w, struct job *j)
{
	int err = 0;

	if (j->kind == JOB_ZERO)
		return put_zero(w, j->off, j->len);
	for (size_t i = 0; i < j->npieces && !err; i++)
		err = put_piece(w, j, &j->pieces[i]);
	return err;
}
