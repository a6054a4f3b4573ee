/* SPDX-License-Identifier: ISC */
/*
 * A packed extent of VMDK (streamOptimized): each grain a zlib stream behind a marker, one after the other, then the tables,
 * the directory and, as nobody can seek in a stream, a footer that says where it is. So that is written at a flush. Until
 * then the header of an image that has something already points to the directory that it had.
 */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/vmdk.h"

#define TABLES_MAX (1u << 20) /* 32 TiB in grains of 64 KiB; tables are in memory */
#define LEVEL 6

struct vmdk_stream {
	uint32_t **tables; /* those that were looked at for a change; NULL: as in the file */
	bool dirty;
	uint8_t header[VMDK_SECTOR];
	uint8_t *room, *packed; /* of a grain with its marker; of one before that */
	size_t room_size;
	struct libdeflate_compressor *deflate;
};

void
vmdk_stream_free(struct vmdk_extent *x)
{
	struct vmdk_stream *s = x->stream;

	if (!s)
		return;
	for (uint32_t n = 0; n < vmdk_tables_of(x); n++)
		free(s->tables[n]);
	free(s->tables);
	free(s->room);
	free(s->packed);
	libdeflate_free_compressor(s->deflate);
	free(s);
	x->stream = NULL;
}

static int
make_stream(struct vmdk_extent *x)
{
	struct vmdk_stream *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	x->stream = s;
	s->tables = calloc((size_t)vmdk_tables_of(x) + 1, sizeof(*s->tables));
	s->deflate = libdeflate_alloc_compressor(LEVEL);
	if (!s->tables || !s->deflate)
		return -ENOMEM;
	err = file_read(x->file, s->header, sizeof(s->header), 0);
	/* There is one directory at the end. */
	put_le32(s->header + VMDK_FLAGS, get_le32(s->header + VMDK_FLAGS) & ~VMDK_HAS_SPARE);
	put_le64(s->header + VMDK_SPARE, 0);
	return err;
}

/* Whether no table is there. */
static int
has_nothing(struct vmdk *v, struct vmdk_extent *x, bool *empty)
{
	struct table t = {0, 0};
	int err = 0;

	for (uint32_t n = 0; n < vmdk_tables_of(x) && !err && !t.start; n++)
		err = vmdk_table(v, x, n, false, &t);
	*empty = !t.start;
	return err;
}

static int
write_header(struct vmdk_extent *x, uint64_t directory)
{
	struct vmdk_stream *s = x->stream;

	put_le64(s->header + VMDK_DIRECTORY, directory);
	return file_write(x->file, s->header, sizeof(s->header), 0);
}

/*
 * The header no longer says that the directory is at the end, which is about to be written over or to be no end any more. An
 * empty image gets an empty directory between descriptor and grains for that, so that its first grain comes where it belongs.
 */
static int
pin(struct vmdk *v, struct vmdk_extent *x, bool empty)
{
	uint64_t text = get_le64(x->stream->header + VMDK_TEXT), n = get_le64(x->stream->header + VMDK_TEXT_LEN);
	uint64_t room = text ? (text + n) * VMDK_SECTOR : VMDK_SECTOR, len = align_up(x->directory.len, VMDK_SECTOR);
	int err = 0;

	if (empty && range_within(room, len, x->overhead)) {
		err = file_zero(x->file, room, len, false);
		x->directory.start = room;
		x->end = x->overhead;
		tables_forget(x->tables);
	}
	if (!err)
		err = write_header(x, x->directory.start / VMDK_SECTOR);
	return err || v->unsafe ? err : file_flush(x->file);
}

/* Before the first change since the last flush. */
static int
begin(struct vmdk *v, struct vmdk_extent *x)
{
	bool empty;
	int err = 0;

	if (!x->markers)
		return -ENOTSUP;
	if (vmdk_tables_of(x) > TABLES_MAX)
		return -EFBIG;
	if (!x->stream)
		err = make_stream(x);
	if (err) {
		vmdk_stream_free(x);
		return err;
	}
	if (x->stream->dirty)
		return 0;
	x->end = align_up(x->file->size, VMDK_SECTOR);
	err = has_nothing(v, x, &empty);
	if (!err && get_le64(x->stream->header + VMDK_DIRECTORY) == VMDK_AT_END)
		err = pin(v, x, empty);
	x->stream->dirty = !err;
	return err;
}

/* A table in memory. */
static int
table_of(struct vmdk *v, struct vmdk_extent *x, uint32_t number, uint32_t **table)
{
	struct table t;
	uint8_t *p;
	int err = 0;

	*table = x->stream->tables[number];
	if (*table)
		return 0;
	*table = calloc(x->entries, sizeof(**table));
	if (!*table)
		return -ENOMEM;
	err = vmdk_table(v, x, number, false, &t);
	if (!err && t.start)
		err = tables_at(x->tables, t, 0, &p);
	for (uint32_t n = 0; n < x->entries && !err && t.start; n++)
		(*table)[n] = get_le32(p + n * 4);
	if (err)
		free(*table);
	else
		x->stream->tables[number] = *table;
	return err;
}

bool
vmdk_stream_entry(const struct vmdk_extent *x, uint64_t off, uint32_t *entry)
{
	const uint32_t *table = x->stream->tables[off / vmdk_reach(x)];

	if (table)
		*entry = table[off % vmdk_reach(x) / x->grain];
	return table;
}

static int
set_entry(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint32_t value)
{
	uint64_t n = off % vmdk_reach(x) / x->grain;
	uint32_t *table;
	int err = table_of(v, x, (uint32_t)(off / vmdk_reach(x)), &table);

	if (!err)
		table[n] = value;
	return err;
}

/* Room for a marker, the packed grain, and zeroes up to a sector's end. */
static int
make_room(struct vmdk_stream *s, size_t n)
{
	if (n <= s->room_size)
		return 0;
	free(s->room);
	s->room = malloc(n);
	s->room_size = s->room ? n : 0;
	return s->room ? 0 : -ENOMEM;
}

int
vmdk_stream_append(struct vmdk *v, struct vmdk_extent *x, const void *packed, size_t len, uint64_t off)
{
	size_t n = align_up(VMDK_GRAIN_MARKER + len, VMDK_SECTOR);
	int err = begin(v, x);
	uint8_t *room;

	if (!err && (x->end + n) / VMDK_SECTOR > UINT32_MAX)
		err = -EFBIG;
	if (!err)
		err = make_room(x->stream, n);
	if (err)
		return err;
	room = x->stream->room;
	put_le64(room + VMDK_MARKER_VALUE, off / VMDK_SECTOR);
	put_le32(room + VMDK_MARKER_LEN, (uint32_t)len);
	memcpy(room + VMDK_GRAIN_MARKER, packed, len);
	memset(room + VMDK_GRAIN_MARKER + len, 0, n - VMDK_GRAIN_MARKER - len);
	err = file_write(x->file, room, n, x->end);
	if (!err)
		err = set_entry(v, x, off, (uint32_t)(x->end / VMDK_SECTOR));
	if (!err)
		x->end += n;
	return err;
}

static int
pack(struct vmdk *v, struct vmdk_extent *x, const uint8_t *grain, uint64_t off)
{
	struct vmdk_stream *s = x->stream;
	size_t bound = libdeflate_zlib_compress_bound(s->deflate, x->grain);

	if (!s->packed)
		s->packed = malloc(bound);
	if (!s->packed)
		return -ENOMEM;
	return vmdk_stream_append(v, x, s->packed, libdeflate_zlib_compress(s->deflate, grain, x->grain, s->packed, bound), off);
}

/* Bytes of one grain; NULL: zeroes. */
static int
write_grain(struct vmdk *v, struct vmdk_extent *x, const uint8_t *buf, uint64_t len, uint64_t off)
{
	uint8_t *grain;
	int err = begin(v, x);

	if (err)
		return err;
	if (buf && len == x->grain)
		return pack(v, x, buf, off);
	grain = vmdk_compose(v, x, buf, len, off, &err);
	if (grain)
		err = pack(v, x, grain, align_down(off, x->grain));
	free(grain);
	return err;
}

int
vmdk_stream_write(struct vmdk *v, struct vmdk_extent *x, const void *buf, size_t len, uint64_t off)
{
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n, buf = (const uint8_t *)buf + n) {
		n = min_u64(len, x->grain - off % x->grain);
		err = write_grain(v, x, buf, n, off);
	}
	return err;
}

int
vmdk_stream_zero(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len)
{
	uint32_t entry;
	int err = begin(v, x);

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, x->grain - off % x->grain);
		err = vmdk_entry(v, x, off, &entry);
		if (err || (!entry && !v->image.backing))
			continue;
		if (n == x->grain && !v->image.backing)
			err = set_entry(v, x, off, 0);
		else
			err = write_grain(v, x, NULL, n, off);
	}
	return err;
}

static int
append_marker(struct file *f, uint64_t value, uint32_t type, uint64_t *end)
{
	uint8_t marker[VMDK_SECTOR] = {0};
	int err;

	put_le64(marker + VMDK_MARKER_VALUE, value);
	put_le32(marker + VMDK_MARKER_TYPE, type);
	err = file_write(f, marker, sizeof(marker), *end);
	*end += sizeof(marker);
	return err;
}

/* Entries behind a marker, as whole sectors; *at is the sector where they are. The array is turned into what the file has. */
static int
append_table(struct file *f, uint32_t *entries, size_t n, uint32_t type, uint64_t *end, uint32_t *at)
{
	uint64_t len = align_up(n * 4, VMDK_SECTOR);
	int err = append_marker(f, len / VMDK_SECTOR, type, end);

	*at = (uint32_t)(*end / VMDK_SECTOR);
	for (size_t k = 0; k < n; k++)
		put_le32(&entries[k], entries[k]);
	if (!err)
		err = file_write(f, entries, n * 4, *end);
	if (!err)
		err = file_zero(f, *end + n * 4, len - n * 4, false);
	for (size_t k = 0; k < n; k++)
		entries[k] = get_le32(&entries[k]);
	*end += len;
	return err;
}

int
vmdk_stream_close(struct file *f, const uint8_t header[VMDK_SECTOR], uint64_t directory, uint64_t *end)
{
	uint8_t footer[VMDK_SECTOR];
	int err = append_marker(f, 1, VMDK_FOOTER, end);

	memcpy(footer, header, sizeof(footer));
	put_le64(footer + VMDK_DIRECTORY, directory);
	if (!err)
		err = file_write(f, footer, sizeof(footer), *end);
	*end += sizeof(footer);
	return err ? err : append_marker(f, 0, VMDK_END_OF_STREAM, end);
}

/* All tables that have something, then their directory; *directory is its sector. */
static int
append_tables(struct vmdk *v, struct vmdk_extent *x, uint32_t *directory)
{
	uint32_t n = vmdk_tables_of(x), *places = calloc(n + 1, sizeof(*places));
	struct table t;
	int err = places ? 0 : -ENOMEM;

	for (uint32_t k = 0; k < n && !err; k++) {
		uint32_t *table = x->stream->tables[k];

		err = vmdk_table(v, x, k, false, &t);
		if (err)
			break;
		if (!table)
			places[k] = (uint32_t)(t.start / VMDK_SECTOR);
		else if (!bytes_zero(table, x->entries * sizeof(*table)))
			err = append_table(x->file, table, x->entries, VMDK_GRAIN_TABLE, &x->end, &places[k]);
	}
	if (!err && x->end / VMDK_SECTOR > UINT32_MAX)
		err = -EFBIG;
	if (!err)
		err = append_table(x->file, places, n, VMDK_GRAIN_DIRECTORY, &x->end, directory);
	free(places);
	return err;
}

int
vmdk_stream_finish(struct vmdk *v, struct vmdk_extent *x)
{
	uint32_t directory;
	int err;

	if (!x->stream || !x->stream->dirty)
		return 0;
	err = append_tables(v, x, &directory);
	if (!err)
		err = vmdk_stream_close(x->file, x->stream->header, directory, &x->end);
	if (!err)
		err = file_truncate(x->file, x->end);
	if (!err && !v->unsafe)
		err = file_flush(x->file);
	if (!err)
		err = write_header(x, VMDK_AT_END);
	if (err)
		return err;
	x->directory.start = directory * (uint64_t)VMDK_SECTOR;
	x->spare.len = 0;
	x->stream->dirty = false;
	tables_forget(x->tables);
	return 0;
}
