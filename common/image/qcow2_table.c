/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_table.h"

#define GAP 4096 /* changes that are closer are written at once */

int
table_init(struct table *t, struct file *f)
{
	*t = (struct table){.file = f, .buf = malloc(TABLE_PIECE)};
	return t->buf ? 0 : -ENOMEM;
}

void
table_free(struct table *t)
{
	free(t->buf);
}

static int
write_back(struct table *t)
{
	int err = t->to > t->from ? file_write(t->file, t->buf + t->from, t->to - t->from, t->at + t->from) : 0;

	t->from = t->to = 0;
	return err;
}

int
table_put(struct table *t, size_t at, uint64_t v)
{
	int err = 0;

	if (t->to > t->from && (at < t->from || at > t->to + GAP))
		err = write_back(t);
	put_be64(t->buf + at, v);
	if (t->to <= t->from)
		t->from = at;
	if (at + 8 > t->to)
		t->to = at + 8;
	return err;
}

int
table_walk(struct table *t, uint64_t off, uint64_t len, int (*piece)(void *arg, uint64_t first, size_t n), void *arg)
{
	uint64_t done = 0, n;
	bool hole;
	int err = 0;

	for (; done < len && !err; done += n) {
		n = len - done;
		if (off + done >= t->file->size)
			return 0;
		err = file_extent(t->file, off + done, &n, &hole);
		/* Entries are not cut, wherever the file system's holes begin. */
		n = hole && !err ? align_down(n, 16) : 0;
		if (n || err)
			continue;
		n = min_u64(TABLE_PIECE, len - done);
		t->at = off + done;
		err = file_read(t->file, t->buf, n, t->at);
		if (!err && !bytes_zero(t->buf, n))
			err = piece(arg, done, n);
		if (!err)
			err = write_back(t);
	}
	return err;
}
