/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/util.h"
#include "tests/memory.h"

#define SECTOR 512

struct memory_file {
	struct file file;
	struct memory *memory;
};

static struct memory *
memory_of(struct file *f)
{
	return container_of(f, struct memory_file, file)->memory;
}

static void
record(struct memory *m, int what, uint64_t off, uint64_t len, const void *data)
{
	struct memory_log *log = m->log;
	struct memory_change *c;

	if (!log)
		return;
	log->changes = realloc(log->changes, (log->n + 1) * sizeof(*c));
	c = &log->changes[log->n++];
	*c = (struct memory_change){.memory = m, .what = what, .off = off, .len = len};
	if (data) {
		c->data = malloc(len);
		memcpy(c->data, data, len);
	}
}

/* Room for so many bytes. */
static bool
make_room(struct memory *m, uint64_t size)
{
	uint64_t room = size <= m->room + m->room / 2 ? m->room + m->room / 2 : size;
	uint8_t *bytes;

	if (m->bytes && size <= m->room)
		return true;
	bytes = realloc(m->bytes, room ? room : 1);
	if (!bytes)
		return false;
	m->bytes = bytes;
	m->room = room;
	return true;
}

/* The size that it has from now on; what is new is zero. */
static int
set_size(struct memory *m, uint64_t size)
{
	if (size > m->limit || !make_room(m, size))
		return -ENOSPC;
	if (size > m->size)
		memset(m->bytes + m->size, 0, size - m->size);
	m->size = size;
	return 0;
}

static int
grow(struct memory *m, uint64_t end)
{
	return end > m->size ? set_size(m, end) : 0;
}

static int
may_change(struct memory *m)
{
	if (!m->fails)
		return 0;
	if (m->good) {
		m->good--;
		return 0;
	}
	m->failed = true;
	m->fails = !m->once;
	return -EIO;
}

static int
memory_read(struct file *f, void *buf, size_t len, uint64_t off)
{
	const struct memory *m = memory_of(f);
	uint64_t there = off < m->size ? min_u64(len, m->size - off) : 0; /* a write in flight is to make it longer */

	memcpy(buf, m->bytes + off, there);
	memset((uint8_t *)buf + there, 0, len - there);
	return 0;
}

/* What a write that fails has written all the same: half of its sectors, as far as they have room. */
static void
write_part(struct memory *m, const void *buf, size_t len, uint64_t off)
{
	len = align_down(len / 2, SECTOR);
	if (len && !grow(m, off + len))
		memcpy(m->bytes + off, buf, len);
}

static int
memory_write(struct file *f, const void *buf, size_t len, uint64_t off)
{
	struct memory *m = memory_of(f);
	int err = may_change(m);

	if (!err)
		err = grow(m, off + len);
	if (err) {
		write_part(m, buf, len, off);
		return err;
	}
	record(m, CHANGE_WRITE, off, len, buf);
	memcpy(m->bytes + off, buf, len);
	return 0;
}

static int
memory_zero(struct file *f, uint64_t off, uint64_t len, bool unmap)
{
	struct memory *m = memory_of(f);
	int err = may_change(m);

	if (!err)
		err = grow(m, off + len);
	if (err)
		return err;
	record(m, CHANGE_ZERO, off, len, NULL);
	/* What was past the end, as the file's owner knows it, is zero. */
	if (unmap)
		len = off < f->size ? min_u64(len, f->size - off) : 0;
	memset(m->bytes + off, 0, len);
	return 0;
}

static int
memory_discard(struct file *f, uint64_t off, uint64_t len)
{
	return memory_zero(f, off, len, true);
}

static int
memory_reserve(struct file *f, uint64_t off, uint64_t len)
{
	struct memory *m = memory_of(f);
	uint64_t size = m->size;
	int err = grow(m, off + len);

	if (!err && m->size != size)
		record(m, CHANGE_TRUNCATE, 0, m->size, NULL);
	return err;
}

static int
memory_truncate(struct file *f, uint64_t size)
{
	struct memory *m = memory_of(f);
	int err = may_change(m);

	if (!err)
		err = set_size(m, size);
	if (!err)
		record(m, CHANGE_TRUNCATE, 0, size, NULL);
	return err;
}

static int
memory_flush(struct file *f)
{
	struct memory *m = memory_of(f);
	int err = may_change(m);

	if (!err)
		record(m, CHANGE_FLUSH, 0, 0, NULL);
	return err;
}

static int
memory_extent(struct file *f, uint64_t off, uint64_t *len, bool *hole)
{
	(void)f;
	(void)off;
	(void)len;
	*hole = false;
	return 0;
}

static void
memory_close(struct file *f)
{
	free(container_of(f, struct memory_file, file));
}

struct file *
memory_open(struct memory *m, bool read_only)
{
	static const struct file_ops ops = {
		.read = memory_read,
		.write = memory_write,
		.zero = memory_zero,
		.discard = memory_discard,
		.reserve = memory_reserve,
		.truncate = memory_truncate,
		.flush = memory_flush,
		.extent = memory_extent,
		.close = memory_close,
	};
	struct memory_file *f = calloc(1, sizeof(*f));

	f->file = (struct file){.ops = &ops, .name = "memory", .size = m->size, .fd = -1, .read_only = read_only};
	f->memory = m;
	return &f->file;
}

void
memory_set(struct memory *m, const void *bytes, uint64_t n)
{
	if (!make_room(m, n))
		abort();
	if (n)
		memcpy(m->bytes, bytes, n);
	m->size = n;
}

void
memory_free(struct memory *m)
{
	free(m->bytes);
	m->bytes = NULL;
	m->size = m->room = 0;
}

void
memory_mark(struct memory_log *log, uint64_t n)
{
	struct memory none = {.log = log};

	record(&none, CHANGE_MARK, n, 0, NULL);
}

void
memory_apply(struct memory *m, const struct memory_change *c, uint64_t len)
{
	if (c->what == CHANGE_TRUNCATE) {
		set_size(m, c->len);
		return;
	}
	if (c->what != CHANGE_WRITE && c->what != CHANGE_ZERO)
		return;
	len = min_u64(len, c->len);
	if (grow(m, c->off + len) < 0)
		return;
	if (c->data)
		memcpy(m->bytes + c->off, c->data, len);
	else
		memset(m->bytes + c->off, 0, len);
}

void
memory_log_free(struct memory_log *log)
{
	for (size_t i = 0; i < log->n; i++)
		free(log->changes[i].data);
	free(log->changes);
	*log = (struct memory_log){0};
}
