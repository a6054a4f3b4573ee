/* SPDX-License-Identifier: ISC */
/*
 * In rounds, each of which is safe by itself: clusters of zeroes; then data; then L2 tables; then the L1 table; then the refcount
 * structure. Moving is: copies into free clusters; their counts up; entries that name the copies; the old ones' counts down; with
 * all durable in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_compact.h"
#include "common/image/qcow2_refs.h"
#include "common/image/qcow2_table.h"

struct compact {
	struct qcow2 *q;
	struct qcow2_gain *gain;
	struct refs refs;
	struct table l1, l2;
	struct counts *moved; /* of clusters that have a copy: its number */
	uint64_t limit;	      /* what lies from this cluster on is to move */
	uint8_t *cluster;
	int (*entry)(struct compact *c, size_t at, uint64_t entry); /* of the round: for every L2 entry of data that is the disk's alone */
};

static uint64_t
number(const struct compact *c, uint64_t entry)
{
	return (entry & QCOW2_OFFSET) >> c->q->cluster_bits;
}

static int
l2_piece(void *arg, uint64_t first, size_t n)
{
	struct compact *c = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 1U << c->q->entry_bits) {
		uint64_t entry = get_be64(c->l2.buf + at);

		if (entry & QCOW2_OFFSET && !(entry & QCOW2_PACKED) && counts_get(c->refs.counts, number(c, entry)) == 1)
			err = c->entry(c, at, entry);
	}
	return err;
}

static int
l1_piece(void *arg, uint64_t first, size_t n)
{
	struct compact *c = arg;
	int err = 0;

	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(c->l1.buf + at);

		if (entry & QCOW2_OFFSET && counts_get(c->refs.counts, number(c, entry)) == 1)
			err = table_walk(&c->l2, entry & QCOW2_OFFSET, qcow2_cluster(c->q), l2_piece, c);
		if (c->gain->progress)
			c->gain->progress(c->gain->user, (first + at) / 8, c->q->l1_size);
	}
	return err;
}

static int
walk(struct compact *c, int (*entry)(struct compact *c, size_t at, uint64_t entry))
{
	c->entry = entry;
	return table_walk(&c->l1, c->q->l1_offset, 8ULL * c->q->l1_size, l1_piece, c);
}

/* Whether an entry may become one of zeroes, and which. */
static bool
zero_entry(const struct compact *c, size_t at, uint64_t *entry, uint64_t *bitmap)
{
	bool below = c->q->image.backing_name;

	*entry = *bitmap = 0;
	if (!below)
		return true;
	if (c->q->entry_bits == 4) {
		uint64_t has = get_be64(c->l2.buf + at + 8);

		*bitmap = QCOW2_ALL_ZERO;
		return ((has | has >> 32) & UINT32_MAX) == UINT32_MAX; /* nothing of it is the backing image's */
	}
	*entry = QCOW2_ZERO;
	return c->q->version >= 3;
}

/* A cluster of zeroes is none; one that only lies ready for what reads as zeroes is not needed either. */
static int
drop_zeroes(struct compact *c, size_t at, uint64_t entry)
{
	struct qcow2 *q = c->q;
	uint64_t off = entry & QCOW2_OFFSET, to, bitmap;
	bool extended = q->entry_bits == 4, zero = !extended && entry & QCOW2_ZERO;
	int err = 0;

	if (!zero && q->crypt) /* its zeroes are others */
		return 0;
	if (!zero_entry(c, at, &to, &bitmap))
		return 0;
	if (!zero)
		err = qcow2_load_sparse(q->image.file, c->cluster, qcow2_cluster(q), off, &zero);
	if (err || !zero)
		return err;
	c->gain->zero++;
	err = table_put(&c->l2, at, to);
	if (!err && extended)
		err = table_put(&c->l2, at + 8, bitmap);
	return err ? err : counts_set(c->moved, number(c, entry), 1);
}

/* What the round took names away from has one use less, and its space goes back. */
static int
release(struct compact *c)
{
	struct counts *before = counts_copy(c->refs.counts);
	int err = before ? qcow2_sync(c->q) : -ENOMEM;

	for (uint64_t i = 0; (i = counts_next(c->moved, i, COUNTS_MAX)) != UINT64_MAX && !err; i++)
		err = counts_set(c->refs.counts, i, 0);
	if (!err)
		err = refs_store(&c->refs);
	if (!err)
		err = refs_give_back(&c->refs, before);
	counts_free(before);
	counts_free(c->moved);
	c->moved = counts_new();
	c->refs.room = 0;
	return err ? err : c->moved ? 0 : -ENOMEM;
}

/* A copy of one cluster at a lower place, if there is one. */
static int
copy_down(struct compact *c, uint64_t from)
{
	struct qcow2 *q = c->q;
	uint64_t to;
	bool zero;
	int err;

	if (from < c->limit || counts_room(c->refs.counts, c->refs.room, 1) >= c->limit)
		return 0;
	err = qcow2_load_sparse(q->image.file, c->cluster, qcow2_cluster(q), from << q->cluster_bits, &zero);
	if (!err)
		err = refs_alloc(&c->refs, 1, &to);
	if (!err)
		err = zero ? file_zero(q->image.file, to, qcow2_cluster(q), true)
			   : file_write(q->image.file, c->cluster, qcow2_cluster(q), to);
	c->gain->moved++;
	return err ? err : counts_set(c->moved, from, to >> q->cluster_bits);
}

static int
copy_data(struct compact *c, size_t at, uint64_t entry)
{
	(void)at;
	return copy_down(c, number(c, entry));
}

/* The entry that names what was copied names the copy. */
static int
rename_entry(struct compact *c, struct table *t, size_t at, uint64_t entry)
{
	uint64_t to = counts_get(c->moved, number(c, entry));

	return to ? table_put(t, at, (entry & ~QCOW2_OFFSET) | to << c->q->cluster_bits) : 0;
}

static int
rename_data(struct compact *c, size_t at, uint64_t entry)
{
	return rename_entry(c, &c->l2, at, entry);
}

static int
move_data(struct compact *c)
{
	int err = walk(c, copy_data);

	if (!err)
		err = qcow2_sync(c->q);
	if (!err)
		err = refs_store(&c->refs);
	if (!err)
		err = walk(c, rename_data);
	return err ? err : release(c);
}

static int
copy_tables(void *arg, uint64_t first, size_t n)
{
	struct compact *c = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t table = number(c, get_be64(c->l1.buf + at));

		if (table && counts_get(c->refs.counts, table) == 1)
			err = copy_down(c, table);
	}
	return err;
}

static int
rename_tables(void *arg, uint64_t first, size_t n)
{
	struct compact *c = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8)
		err = rename_entry(c, &c->l1, at, get_be64(c->l1.buf + at));
	return err;
}

static int
move_tables(struct compact *c)
{
	struct qcow2 *q = c->q;
	int err = table_walk(&c->l1, q->l1_offset, 8ULL * q->l1_size, copy_tables, c);

	if (!err)
		err = qcow2_sync(q);
	if (!err)
		err = refs_store(&c->refs);
	if (!err)
		err = table_walk(&c->l1, q->l1_offset, 8ULL * q->l1_size, rename_tables, c);
	return err ? err : release(c);
}

static int
move_l1(struct compact *c)
{
	struct qcow2 *q = c->q;
	uint64_t bytes = 8ULL * q->l1_size, n = qcow2_clusters(q, bytes), from = q->l1_offset >> q->cluster_bits, to;
	uint8_t *l1;
	int err;

	if (from + n <= c->limit || !n || counts_room(c->refs.counts, 0, n) + n > c->limit)
		return 0;
	l1 = malloc(bytes);
	err = l1 ? file_read(q->image.file, l1, bytes, q->l1_offset) : -ENOMEM;
	if (!err)
		err = refs_alloc(&c->refs, n, &to);
	if (!err)
		err = file_write(q->image.file, l1, bytes, to);
	free(l1);
	if (!err)
		err = refs_store(&c->refs);
	if (err)
		return err;
	q->l1_offset = to;
	err = qcow2_switch_header(q);
	for (uint64_t i = 0; i < n && !err; i++)
		err = counts_set(c->moved, from + i, 1);
	return err ? err : release(c);
}

static uint64_t
used(const struct counts *counts)
{
	uint64_t n = 0;

	for (uint64_t i = 0; (i = counts_next(counts, i, COUNTS_MAX)) != UINT64_MAX; i++)
		n++;
	return n;
}

/* Whether the refcount structure lies, in part, behind where the file could end. */
static bool
high_structure(const struct compact *c)
{
	const struct qcow2 *q = c->q;
	uint64_t end = used(c->refs.counts), last = (q->reftable_offset >> q->cluster_bits) + q->reftable_clusters;

	for (uint64_t i = 0; i < c->refs.entries; i++)
		if (c->refs.table[i] >> q->cluster_bits >= last)
			last = (c->refs.table[i] >> q->cluster_bits) + 1;
	return last > end;
}

/* Refcounts at the lowest free place, and the file ends where its last cluster does. */
static int
cut(struct compact *c)
{
	struct qcow2 *q = c->q;
	int err = 0;

	c->refs.room = 0;
	if (high_structure(c)) {
		err = refs_drop_structure(&c->refs);
		if (!err)
			err = refs_rebuild(&c->refs, q->refcount_order);
	}
	if (!err)
		err = file_truncate(q->image.file, counts_end(c->refs.counts) << q->cluster_bits);
	return err ? err : qcow2_sync(q);
}

static int
compact(struct compact *c)
{
	struct qcow2 *q = c->q;
	int err = refs_load(&c->refs, q, NULL, NULL);

	c->moved = counts_new();
	c->cluster = malloc(qcow2_cluster(q));
	if (!err && (!c->moved || !c->cluster))
		err = -ENOMEM;
	if (!err)
		err = table_init(&c->l1, q->image.file);
	if (!err)
		err = table_init(&c->l2, q->image.file);
	if (!err)
		err = walk(c, drop_zeroes);
	if (!err)
		err = release(c);
	c->limit = err ? 0 : used(c->refs.counts);
	if (!err && !q->crypt) /* LUKS's cipher goes by where a cluster lies */
		err = move_data(c);
	if (!err)
		err = move_tables(c);
	if (!err)
		err = move_l1(c);
	return err ? err : cut(c);
}

const char *
qcow2_compact(struct image *i, struct qcow2_gain *gain, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	struct compact c = {.q = q, .gain = gain};
	struct image_check check = {0};
	int err, reloaded;

	if (q->data)
		return why(w, "the data is in a file of its own");
	gain->before = i->file->size;
	err = qcow2_flush(q);
	if (!err)
		err = qcow2_clear_unknown(q);
	if (err)
		return why(w, "%s", strerror(-err));
	if (qcow2_check(i, CHECK_FIX_LEAKS, &check, w))
		return w->text;
	if (check.errors)
		return why(w, "the image has errors: check -r all comes first");
	err = compact(&c);
	refs_free(&c.refs);
	table_free(&c.l1);
	table_free(&c.l2);
	counts_free(c.moved);
	free(c.cluster);
	reloaded = qcow2_reload(q);
	gain->after = i->file->size;
	if (!err)
		err = reloaded;
	return image_failed(i, err, w);
}
