/* SPDX-License-Identifier: ISC */
/* A bitmap's bits, from its table's clusters to memory; and its line in info. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_bitmap.h"

struct bitmap *
bitmap_find(struct bitmaps *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->list[i].name, name))
			return &b->list[i];
	return NULL;
}

uint64_t
bitmap_bytes(const struct bitmap *m, uint64_t size)
{
	uint64_t bits = (size >> m->granularity_bits) + !!(size & ((1ULL << m->granularity_bits) - 1));

	return bits / 8 + !!(bits % 8);
}

/* One cluster of bits, as its entry says. */
static int
read_part(struct qcow2 *q, uint64_t entry, uint8_t *to, size_t n)
{
	uint64_t off = entry & BITMAP_OFFSET;

	if (entry & BITMAP_RESERVED || off & (qcow2_cluster(q) - 1) || (off && entry & BITMAP_ONES) || off >= q->image.file->size)
		return image_fault(&q->image, "a bitmap's table has an entry that is not valid");
	if (off)
		return file_read(q->image.file, to, n, off);
	memset(to, entry & BITMAP_ONES ? 0xff : 0, n);
	return 0;
}

int
bitmap_read(struct qcow2 *q, const struct bitmap *m, uint8_t **bits)
{
	uint64_t n = bitmap_bytes(m, q->image.size), entries = qcow2_clusters(q, n), *table;
	int err = 0;

	*bits = NULL;
	if (n > BITMAP_BYTES_MAX || entries != m->table_size || !range_within(m->table_offset, 8 * entries, q->image.file->size))
		return image_fault(&q->image, "bitmap %s is not of the disk's size", m->name);
	table = malloc(8 * entries + 1);
	*bits = malloc(n + 1);
	err = table && *bits ? file_read(q->image.file, table, 8 * entries, m->table_offset) : -ENOMEM;
	for (uint64_t i = 0, at = 0; i < entries && !err; i++, at += qcow2_cluster(q))
		err = read_part(q, be64toh(table[i]), *bits + at, min_u64(qcow2_cluster(q), n - at));
	free(table);
	if (err) {
		free(*bits);
		*bits = NULL;
	}
	return err;
}

static void
describe(const struct bitmap *m, struct describe *d)
{
	d->begin(d, NULL, false);
	d->begin(d, "flags", true);
	if (m->flags & BITMAP_IN_USE)
		d->string(d, NULL, "in-use");
	if (m->flags & BITMAP_AUTO)
		d->string(d, NULL, "auto");
	d->end(d);
	d->string(d, "name", m->name);
	d->number(d, "granularity", (int64_t)(1ULL << m->granularity_bits));
	d->end(d);
}

void
bitmaps_describe(struct qcow2 *q, struct describe *d)
{
	struct bitmaps b;
	struct why w;

	if (!bitmaps_load(&b, q, &w) && b.n) {
		d->begin(d, "bitmaps", true);
		for (size_t i = 0; i < b.n; i++)
			describe(&b.list[i], d);
		d->end(d);
	}
	bitmaps_free(&b);
}
