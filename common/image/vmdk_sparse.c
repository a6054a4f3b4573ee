/* SPDX-License-Identifier: ISC */
/* A sparse extent of VMDK: its header (or the footer, where that has the directory), and what its tables say. */
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/unpack.h"
#include "common/image/vmdk.h"

#define DIRECTORY_MAX (32u << 20) /* entries: QEMU's limit */

/* Where the directory is at the end, the footer takes the header's place. */
static const char *
take_footer(const struct file *f, uint8_t h[VMDK_SECTOR], struct why *w)
{
	uint8_t tail[3 * VMDK_SECTOR], *footer = tail + VMDK_SECTOR, *end = footer + VMDK_SECTOR;
	int err;

	if (f->size < sizeof(tail) + VMDK_SECTOR)
		return why(w, "too short for its footer");
	err = file_read((struct file *)(uintptr_t)f, tail, sizeof(tail), f->size - sizeof(tail));
	if (err)
		return why(w, "%s", strerror(-err));
	if (memcmp(footer, VMDK_MAGIC, 4) || get_le32(tail + VMDK_MARKER_LEN) || get_le32(tail + VMDK_MARKER_TYPE) != VMDK_FOOTER ||
	    get_le64(end + VMDK_MARKER_VALUE) || get_le32(end + VMDK_MARKER_LEN) || get_le32(end + VMDK_MARKER_TYPE))
		return why(w, "its footer is not at the end: the file is cut off, or something follows");
	memcpy(h, footer, VMDK_SECTOR);
	return get_le64(h + VMDK_DIRECTORY) == VMDK_AT_END ? why(w, "its footer says that there is another") : NULL;
}

/* A directory's place; it is within the file. */
static const char *
look_at_directory(struct table *t, uint64_t sector, uint64_t tables, const struct file *f, struct why *w)
{
	if (tables > DIRECTORY_MAX)
		return why(w, "too many grain tables: %llu", (unsigned long long)tables);
	t->len = tables * 4;
	if (sector > f->size / VMDK_SECTOR || !range_within(sector * VMDK_SECTOR, t->len, f->size))
		return why(w, "the grain directory ends beyond the file");
	t->start = sector * VMDK_SECTOR;
	return NULL;
}

static const char *
look_at_sizes(struct vmdk_extent *x, const uint8_t *h, const struct file *f, struct why *w)
{
	uint64_t capacity = get_le64(h + VMDK_CAPACITY), grain = get_le64(h + VMDK_GRAIN), tables;

	x->entries = get_le32(h + VMDK_ENTRIES);
	if (!grain || grain & (grain - 1) || grain > UNIT_MAX / VMDK_SECTOR)
		return why(w, "grains of %llu sectors", (unsigned long long)grain);
	if (!x->entries || x->entries > VMDK_TABLE_ENTRIES)
		return why(w, "grain tables of %u entries", x->entries);
	if (capacity > IMAGE_SIZE_MAX / VMDK_SECTOR)
		return why(w, "an extent of %llu sectors", (unsigned long long)capacity);
	if (get_le64(h + VMDK_OVERHEAD) > f->size / VMDK_SECTOR)
		return why(w, "the file is cut off: the grains would begin beyond it");
	x->overhead = get_le64(h + VMDK_OVERHEAD) * VMDK_SECTOR;
	x->grain = (uint32_t)grain * VMDK_SECTOR;
	x->len = capacity * VMDK_SECTOR;
	tables = x->len / vmdk_reach(x) + !!(x->len % vmdk_reach(x));
	if (look_at_directory(&x->directory, get_le64(h + VMDK_DIRECTORY), tables, f, w))
		return w->text;
	return get_le32(h + VMDK_FLAGS) & VMDK_HAS_SPARE ? look_at_directory(&x->spare, get_le64(h + VMDK_SPARE), tables, f, w) : NULL;
}

static const char *
look(struct vmdk_extent *x, const uint8_t *h, bool write, struct why *w)
{
	uint32_t flags = get_le32(h + VMDK_FLAGS);

	x->version = get_le32(h + VMDK_VERSION);
	x->packed = flags & VMDK_HAS_PACKED;
	x->markers = flags & VMDK_HAS_MARKERS;
	x->zero_grains = flags & VMDK_HAS_ZERO_GRAINS;
	if (memcmp(h, VMDK_MAGIC, 4))
		return why(w, "not a sparse extent");
	if (x->version > 3)
		return why(w, "VMDK version %u is not supported", x->version);
	if (x->version == 3 && !x->packed && write)
		return why(w, "VMDK version 3 must be read only"); /* its change tracking is not kept */
	if (flags & VMDK_HAS_NEWLINES && memcmp(h + VMDK_NEWLINES, VMDK_NEWLINES_TEXT, 4))
		return why(w, "damaged by a transfer as text");
	if (get_le16(h + VMDK_METHOD) > VMDK_DEFLATE || (x->packed && get_le16(h + VMDK_METHOD) != VMDK_DEFLATE))
		return why(w, "compression of type %u is not supported", get_le16(h + VMDK_METHOD));
	return NULL;
}

const char *
vmdk_sparse_open(struct vmdk_extent *x, struct file *f, bool write, struct why *w)
{
	uint8_t h[VMDK_SECTOR];
	int err = file_read(f, h, sizeof(h), 0);

	if (err)
		return why(w, "%s", strerror(-err));
	if (look(x, h, write, w))
		return w->text;
	if (get_le64(h + VMDK_DIRECTORY) == VMDK_AT_END && (take_footer(f, h, w) || look(x, h, write, w)))
		return w->text;
	x->kind = VMDK_SPARSE;
	x->end = f->size;
	if (look_at_sizes(x, h, f, w))
		return w->text;
	x->tables = tables_new(f, NULL, NULL);
	return x->tables ? NULL : why(w, "%s", strerror(ENOMEM));
}

int
vmdk_table(struct vmdk *v, struct vmdk_extent *x, uint32_t number, bool spare, struct table *t)
{
	uint8_t *p;
	int err = tables_at(x->tables, spare ? x->spare : x->directory, number * 4ull, &p);

	*t = (struct table){0, x->entries * 4ull};
	if (err)
		return err;
	t->start = (uint64_t)get_le32(p) * VMDK_SECTOR;
	if (t->start && !range_within(t->start, t->len, x->file->size))
		return image_fault(&v->image, "%s: grain table %u lies beyond the file", x->name, number);
	return 0;
}

int
vmdk_entry(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint32_t *entry)
{
	struct table t;
	uint8_t *p;
	int err;

	*entry = 0;
	if (x->stream && vmdk_stream_entry(x, off, entry))
		return 0;
	err = vmdk_table(v, x, (uint32_t)(off / vmdk_reach(x)), false, &t);
	if (err || !t.start)
		return err;
	err = tables_at(x->tables, t, off % vmdk_reach(x) / x->grain * 4, &p);
	if (!err)
		*entry = get_le32(p);
	return err;
}

/* A packed grain; with a marker before it that has its length. */
static int
map_packed(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t at, struct extent *e)
{
	uint64_t begin = align_down(off, x->grain), len = min_u64(2ull * x->grain, x->file->size - at);
	uint8_t marker[VMDK_GRAIN_MARKER];
	int err = 0;

	if (x->markers) {
		err = file_read(x->file, marker, sizeof(marker), at);
		at += sizeof(marker);
		len = get_le32(marker + VMDK_MARKER_LEN);
	}
	if (err)
		return err;
	if (!len || len > UNIT_MAX || !range_within(at, len, x->file->size))
		return image_fault(&v->image, "%s: the grain at %llu lies beyond the file", x->name, (unsigned long long)begin);
	e->kind = EXTENT_PACKED;
	e->off = at;
	e->packed_len = (uint32_t)len;
	e->unit_at = x->at + begin;
	e->unit_len = (uint32_t)min_u64(x->grain, x->len - begin);
	e->len = e->unit_at + e->unit_len - e->at;
	return 0;
}

/* What an entry may be besides the place of a grain. */
static enum extent_kind
kind_of(const struct vmdk_extent *x, uint32_t entry)
{
	if (!entry)
		return EXTENT_HOLE;
	return entry == 1 && x->zero_grains ? EXTENT_ZERO : EXTENT_DATA;
}

int
vmdk_sparse_map(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len, struct extent *e)
{
	uint64_t to = min_u64(off - off % vmdk_reach(x) + vmdk_reach(x), off + len), skip = off % x->grain, at;
	uint32_t first, next;
	int err = vmdk_entry(v, x, off, &first);

	if (err)
		return err;
	e->kind = kind_of(x, first);
	e->file = e->kind == EXTENT_DATA ? x->file : NULL;
	at = (uint64_t)first * VMDK_SECTOR;
	if (e->kind == EXTENT_DATA && at >= x->file->size)
		return image_fault(&v->image, "%s: the grain at %llu lies beyond the file", x->name,
		    (unsigned long long)(off - skip));
	if (e->kind == EXTENT_DATA && x->packed)
		return map_packed(v, x, off, at, e);
	e->off = at + skip;
	for (e->len = x->grain - skip; off + e->len < to; e->len += x->grain) {
		err = vmdk_entry(v, x, off + e->len, &next);
		if (err || kind_of(x, next) != e->kind)
			break;
		if (e->kind == EXTENT_DATA && (uint64_t)next * VMDK_SECTOR != e->off + e->len)
			break;
	}
	return err;
}
