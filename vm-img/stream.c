/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-img/stream.h"

#define CHUNK (256 << 10)

struct stream {
	struct file file;
	int fd;
	uint64_t at; /* bytes written */
	struct file *under;
	uint8_t chunk[CHUNK];
};

static int
emit(struct stream *s, const void *buf, size_t len)
{
	if (fd_write_all(s->fd, buf, len) < 0)
		return -errno;
	s->at += len;
	return 0;
}

static int
fill(struct stream *s, uint64_t to)
{
	int err = 0;

	if (!s->under)
		memset(s->chunk, 0, min_u64(CHUNK, to - s->at));
	for (uint64_t n; s->at < to && !err; ) {
		n = min_u64(CHUNK, to - s->at);
		if (s->under)
			err = file_read(s->under, s->chunk, n, s->at);
		if (!err)
			err = emit(s, s->chunk, n);
	}
	return err;
}

static int
stream_read(struct file *f, void *buf, size_t len, uint64_t off)
{
	(void)f, (void)buf, (void)len, (void)off;
	return -ESPIPE;
}

static int
stream_write(struct file *f, const void *buf, size_t len, uint64_t off)
{
	struct stream *s = container_of(f, struct stream, file);
	int err = off < s->at ? -ESPIPE : fill(s, off);

	return err ? err : emit(s, buf, len);
}

/* What was not written yet is zero anyway. */
static int
stream_zero(struct file *f, uint64_t off, uint64_t len, bool unmap)
{
	(void)len, (void)unmap;
	return off < container_of(f, struct stream, file)->at ? -ESPIPE : 0;
}

static int
stream_range(struct file *f, uint64_t off, uint64_t len)
{
	(void)f, (void)off, (void)len;
	return 0;
}

static int
stream_truncate(struct file *f, uint64_t size)
{
	return size < container_of(f, struct stream, file)->at ? -ESPIPE : 0;
}

static int
stream_flush(struct file *f)
{
	(void)f;
	return 0;
}

static int
stream_extent(struct file *f, uint64_t off, uint64_t *len, bool *hole)
{
	(void)f, (void)off, (void)len;
	*hole = false;
	return 0;
}

static void
stream_close(struct file *f)
{
	free(container_of(f, struct stream, file));
}

struct file *
stream_new(int fd, const char *name, struct file *under)
{
	static const struct file_ops ops = {
		.read = stream_read,
		.write = stream_write,
		.zero = stream_zero,
		.discard = stream_range,
		.reserve = stream_range,
		.truncate = stream_truncate,
		.flush = stream_flush,
		.extent = stream_extent,
		.close = stream_close,
	};
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->file = (struct file){.ops = &ops, .name = name, .fd = -1};
	s->fd = fd;
	s->under = under;
	return &s->file;
}

int
stream_finish(struct file *f)
{
	struct stream *s = container_of(f, struct stream, file);

	return fill(s, s->under ? s->under->size : f->size);
}
