/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_bitmap_store.h"
#include "common/image/qcow2_table.h"

static int
goes(struct bitmap_change *c, uint64_t off, uint64_t len)
{
	struct range_of_file *more = reallocarray(c->gone.list, c->gone.n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->gone.list = more;
	more[c->gone.n++] = (struct range_of_file){off, len};
	return 0;
}

int
bitmap_change_begin(struct bitmap_change *c, struct image *i, struct why *w)
{
	int err = qcow2_flush(qcow2_of(i));

	*c = (struct bitmap_change){.q = qcow2_of(i)};
	w->text[0] = 0;
	if (!err)
		err = refs_load(&c->refs, c->q, NULL, NULL);
	if (!err)
		err = bitmaps_load(&c->bitmaps, c->q, w);
	if (!err && c->bitmaps.bytes)
		err = goes(c, c->bitmaps.offset, c->bitmaps.bytes);
	return err;
}

struct drop {
	struct bitmap_change *change;
	struct table table;
};

static int
drop_clusters(void *arg, uint64_t first, size_t n)
{
	struct drop *d = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t off = get_be64(d->table.buf + at) & BITMAP_OFFSET;

		if (off)
			err = goes(d->change, off, qcow2_cluster(d->change->q));
	}
	return err;
}

int
bitmap_drop(struct bitmap_change *c, const struct bitmap *m)
{
	struct drop d = {.change = c};
	uint64_t len = 8ULL * m->table_size;
	int err;

	if (!range_within(m->table_offset, len, c->q->image.file->size))
		return image_fault(&c->q->image, "the table of bitmap %s is past the end of the file", m->name);
	err = table_init(&d.table, c->q->image.file);
	if (!err)
		err = table_walk(&d.table, m->table_offset, len, drop_clusters, &d);
	table_free(&d.table);
	return err || !len ? err : goes(c, m->table_offset, len);
}

/* One cluster of bits to a cluster of its own; one without set bits needs none. */
static int
write_part(struct bitmap_change *c, const uint8_t *bits, size_t n, uint64_t *entry)
{
	struct qcow2 *q = c->q;
	uint8_t *cluster;
	int err;

	*entry = 0;
	if (bytes_zero(bits, n))
		return 0;
	cluster = calloc(1, qcow2_cluster(q));
	if (!cluster)
		return -ENOMEM;
	memcpy(cluster, bits, n);
	err = refs_alloc(&c->refs, 1, entry);
	if (!err)
		err = file_write(q->image.file, cluster, qcow2_cluster(q), *entry);
	free(cluster);
	return err;
}

int
bitmap_write(struct bitmap_change *c, struct bitmap *m, const uint8_t *bits)
{
	struct qcow2 *q = c->q;
	uint64_t n = bitmap_bytes(m, q->image.size), entries = qcow2_clusters(q, n), *table;
	int err = bitmap_drop(c, m);

	if (err)
		return err;
	table = calloc(entries + 1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (uint64_t i = 0, at = 0; bits && i < entries && !err; i++, at += qcow2_cluster(q)) {
		err = write_part(c, bits + at, min_u64(qcow2_cluster(q), n - at), &table[i]);
		table[i] = htobe64(table[i]);
	}
	m->table_size = (uint32_t)entries;
	m->table_offset = 0;
	if (!err && entries)
		err = refs_alloc(&c->refs, qcow2_clusters(q, 8 * entries), &m->table_offset);
	if (!err && entries)
		err = file_write(q->image.file, table, 8 * entries, m->table_offset);
	free(table);
	return err;
}

static void
put_entry(uint8_t *p, const struct bitmap *m)
{
	put_be64(p, m->table_offset);
	put_be32(p + 8, m->table_size);
	put_be32(p + BITMAP_AT_FLAGS, m->flags);
	p[16] = m->type;
	p[17] = m->granularity_bits;
	put_be16(p + 18, (uint16_t)strlen(m->name));
	put_be32(p + 20, m->extra_size);
	memcpy(p + BITMAP_ENTRY, m->extra, m->extra_size);
	memcpy(p + BITMAP_ENTRY + m->extra_size, m->name, strlen(m->name));
}

static int
write_directory(struct bitmap_change *c)
{
	struct bitmaps *b = &c->bitmaps;
	uint8_t *dir;
	size_t at = 0;
	int err;

	b->bytes = 0;
	for (size_t i = 0; i < b->n; i++)
		b->bytes += bitmap_entry_size(&b->list[i]);
	if (!b->n)
		return 0;
	if (b->bytes > BITMAP_DIRECTORY_MAX)
		return -EFBIG;
	dir = calloc(1, b->bytes);
	if (!dir)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; at += bitmap_entry_size(&b->list[i++]))
		put_entry(dir + at, &b->list[i]);
	err = refs_alloc(&c->refs, qcow2_clusters(c->q, b->bytes), &b->offset);
	if (!err)
		err = file_write(c->q->image.file, dir, b->bytes, b->offset);
	free(dir);
	return err;
}

/* While the extension is written, which lies anywhere in the header, its autoclear bit says that it is not to be trusted. */
static int
switch_directory(struct bitmap_change *c)
{
	struct qcow2 *q = c->q;
	const struct bitmaps *b = &c->bitmaps;
	uint8_t ext[BITMAP_EXTENSION] = {0};
	int err;

	q->autoclear &= ~QCOW2_BITMAPS;
	err = qcow2_switch_header(q);
	put_be32(ext, (uint32_t)b->n);
	put_be64(ext + 8, b->bytes);
	put_be64(ext + 16, b->offset);
	if (!err)
		err = qcow2_ext_set(q, QCOW2_EXT_BITMAPS, b->n ? ext : NULL, BITMAP_EXTENSION);
	if (!err)
		err = qcow2_write_header(q);
	if (err || !b->n)
		return err ? err : qcow2_sync(q);
	q->autoclear |= QCOW2_BITMAPS;
	return qcow2_switch_header(q);
}

int
bitmap_change_commit(struct bitmap_change *c)
{
	struct counts *before;
	int err = write_directory(c);

	if (!err)
		err = refs_store(&c->refs);
	if (!err)
		err = switch_directory(c);
	if (err)
		return err;
	before = counts_copy(c->refs.counts);
	err = before ? 0 : -ENOMEM;
	for (size_t i = 0; i < c->gone.n && !err; i++)
		err = refs_use(&c->refs, c->gone.list[i].off, c->gone.list[i].len, -1);
	if (!err)
		err = refs_store(&c->refs);
	if (!err)
		err = refs_give_back(&c->refs, before);
	counts_free(before);
	return err;
}

const char *
bitmap_change_end(struct bitmap_change *c, int err, struct why *w)
{
	int reloaded;

	refs_free(&c->refs);
	bitmaps_free(&c->bitmaps);
	free(c->gone.list);
	reloaded = qcow2_reload(c->q);
	if (!err)
		err = reloaded;
	if (!err || w->text[0])
		return err ? w->text : NULL;
	return image_failed(&c->q->image, err, w);
}
