/* SPDX-License-Identifier: ISC */
/* Two levels of tables: finding and setting entries, and what follows from them for reading. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/levels.h"

#define ENTRY 8

bool
levels_open(struct levels *v, struct file *f)
{
	v->l1_pages = tables_new(f, NULL, NULL);
	v->l2_pages = tables_new(f, NULL, NULL);
	return v->l1_pages && v->l2_pages;
}

void
levels_close(struct image *i)
{
	struct levels *v = levels_of(i);

	tables_free(v->l1_pages);
	tables_free(v->l2_pages);
	free(v->room);
	free(v);
}

bool
levels_sound(const struct levels *v, const struct file *f, uint64_t off, uint64_t len)
{
	return range_within(off, len, f->size) && off >= v->first && (off + len <= v->l1.start || off >= v->l1.start + v->l1.len);
}

uint64_t
levels_span(const struct levels *v)
{
	return v->l2_len / ENTRY * v->image.cluster_size;
}

static uint64_t
get(const struct levels *v, const uint8_t *p)
{
	return v->big_endian ? get_be64(p) : get_le64(p);
}

static void
put(const struct levels *v, uint8_t *p, uint64_t entry)
{
	if (v->big_endian)
		put_be64(p, entry);
	else
		put_le64(p, entry);
}

/* The L2 table for the disk's byte `off`; l2->start is 0 where there is none yet. */
static int
find_l2(struct levels *v, uint64_t off, struct table *l2)
{
	uint8_t *p;
	int err = tables_at(v->l1_pages, v->l1, off / levels_span(v) * ENTRY, &p);

	if (err)
		return err;
	*l2 = (struct table){get(v, p), v->l2_len};
	if (!l2->start || levels_sound(v, v->image.file, l2->start, l2->len))
		return 0;
	return image_fault(&v->image, "L1 entry %llu: no L2 table can be at %#llx", (unsigned long long)(off / levels_span(v)),
	    (unsigned long long)l2->start);
}

static int
entry_at(struct levels *v, struct table l2, uint64_t off, uint8_t **p)
{
	return tables_at(v->l2_pages, l2, off % levels_span(v) / v->image.cluster_size * ENTRY, p);
}

int
levels_get(struct levels *v, uint64_t off, uint64_t *entry)
{
	struct table l2;
	uint8_t *p;
	int err = find_l2(v, off, &l2);

	*entry = 0;
	if (err || !l2.start)
		return err;
	err = entry_at(v, l2, off, &p);
	if (!err)
		*entry = get(v, p);
	return err;
}

/* A new L2 table, which is zeroes, as all of a file is that was not written. */
static int
add_l2(struct levels *v, uint64_t off, struct table *l2)
{
	struct file *f = v->image.file;
	uint8_t *p;
	int err;

	l2->start = align_up(f->size, v->image.cluster_size);
	err = file_truncate(f, l2->start + l2->len);
	if (!err)
		err = tables_at(v->l1_pages, v->l1, off / levels_span(v) * ENTRY, &p);
	if (err)
		return err;
	put(v, p, l2->start);
	tables_changed(v->l1_pages);
	return 0;
}

int
levels_set(struct levels *v, uint64_t off, uint64_t entry)
{
	struct table l2;
	uint8_t *p;
	int err = tables_full(v->l2_pages) || tables_full(v->l1_pages) ? levels_flush(&v->image) : 0;

	if (!err)
		err = find_l2(v, off, &l2);
	if (!err && !l2.start)
		err = add_l2(v, off, &l2);
	if (!err)
		err = entry_at(v, l2, off, &p);
	if (err)
		return err;
	put(v, p, entry);
	tables_changed(v->l2_pages);
	return 0;
}

/*
 * Data comes first, and the length of the file. The tables of both levels may then be written in any order: an L2 table that
 * the L1 table does not have on disk yet has entries of data alone that was not flushed before.
 */
int
levels_flush(struct image *i)
{
	struct levels *v = levels_of(i);
	int err = file_flush(i->file);

	if (err || !(tables_dirty(v->l1_pages) || tables_dirty(v->l2_pages)))
		return err;
	err = tables_write(v->l2_pages, NULL, NULL);
	if (!err)
		err = tables_write(v->l1_pages, NULL, NULL);
	return err ? err : file_flush(i->file);
}

/* What is at off, to the end of its cluster; without an L2 table to the end of all that it would be for. */
static int
map_one(struct levels *v, uint64_t off, struct extent *e)
{
	uint64_t in = off % v->image.cluster_size, entry = 0;
	struct table l2;
	uint8_t *p;
	int err = find_l2(v, off, &l2);

	*e = (struct extent){.kind = EXTENT_HOLE, .image = e->image, .at = off - in, .len = v->image.cluster_size};
	if (err)
		return err;
	if (!l2.start) {
		e->len = levels_span(v) - off % levels_span(v);
	} else {
		err = entry_at(v, l2, off, &p);
		if (!err && (entry = get(v, p)))
			err = v->decode(v, entry, e);
		e->len -= in;
	}
	e->at = off;
	if (e->kind == EXTENT_DATA || (e->kind == EXTENT_PACKED && !e->packed_len))
		e->off += in;
	return err;
}

/* Whether b goes on where a ends. */
static bool
goes_on(const struct extent *a, const struct extent *b)
{
	return a->kind == b->kind && a->kind != EXTENT_PACKED && (a->kind != EXTENT_DATA || a->off + a->len == b->off);
}

int
levels_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct extent next = {.image = i};
	int err = map_one(levels_of(i), off, e);

	while (!err && e->len < len && !map_one(levels_of(i), off + e->len, &next) && goes_on(e, &next))
		e->len += next.len;
	return err;
}

/* The L1 table without entries is on disk before its L2 tables, and all that they referred to, are cut off. */
int
levels_make_empty(struct image *i)
{
	struct levels *v = levels_of(i);
	uint64_t end = v->l1.start + v->l1.len;
	int err;

	tables_forget(v->l1_pages);
	tables_forget(v->l2_pages);
	err = file_zero(i->file, v->l1.start, v->l1.len, false);
	if (!err)
		err = file_flush(i->file);
	return err ? err : file_truncate(i->file, align_up(end > v->first ? end : v->first, i->cluster_size));
}
