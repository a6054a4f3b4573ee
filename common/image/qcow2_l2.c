/* SPDX-License-Identifier: ISC */
/* L1 and L2 tables: finding entries, and what one says. qcow2.txt, "Cluster mapping". */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

uint64_t
qcow2_l1_needed(const struct qcow2 *q, uint64_t size)
{
	unsigned bits = q->cluster_bits + q->l2_bits;

	return (size >> bits) + !!(size & ((1ULL << bits) - 1));
}

/* Where in its table the entry for `at` is. */
static uint64_t
entry_byte(const struct qcow2 *q, uint64_t at)
{
	return ((at >> q->cluster_bits) & ((1ULL << q->l2_bits) - 1)) << q->entry_bits;
}

/* The slice with the entry for `at`, of the table at `table`. */
static int
entries_at(struct qcow2 *q, uint64_t table, uint64_t at, uint8_t **entries, uint64_t *n, struct qcow2_slice **s)
{
	uint64_t byte = entry_byte(q, at), in_slice = byte & ((1U << q->slice_bits) - 1);
	int err;

	if (table & (qcow2_cluster(q) - 1)) {
		qcow2_corrupt(q, "the L2 table for offset %#llx of the disk is not at a cluster: %#llx", (unsigned long long)at,
			      (unsigned long long)table);
		return -EIO;
	}
	err = qcow2_slice(q, &q->l2, table + byte, s);
	if (err)
		return err;
	*entries = (*s)->data + in_slice;
	*n = ((1U << q->slice_bits) - in_slice) >> q->entry_bits;
	return 0;
}

int
qcow2_l2(struct qcow2 *q, uint64_t at, uint8_t **entries, uint64_t *n)
{
	uint64_t index = at >> (q->cluster_bits + q->l2_bits);
	uint64_t table = index < q->l1_size ? q->l1[index] & QCOW2_OFFSET : 0;
	struct qcow2_slice *s;

	if (table)
		return entries_at(q, table, at, entries, n, &s);
	*entries = NULL;
	*n = (1ULL << q->l2_bits) - ((at >> q->cluster_bits) & ((1ULL << q->l2_bits) - 1));
	return 0;
}

/* A copy of a table that a snapshot has, too, for the active L1 alone. */
static int
copy_table(struct qcow2 *q, uint64_t from, uint64_t *to)
{
	uint8_t *table = malloc(qcow2_cluster(q));
	int err = table ? qcow2_alloc(q, 1, to) : -ENOMEM;

	if (!err) {
		qcow2_cache_drop(q, &q->l2, *to, qcow2_cluster(q));
		err = file_read(q->image.file, table, qcow2_cluster(q), from);
		if (!err)
			err = file_write(q->image.file, table, qcow2_cluster(q), *to);
		if (err)
			qcow2_give_back(q, *to, 1);
	}
	free(table);
	return err;
}

int
qcow2_l2_change(struct qcow2 *q, uint64_t at, uint8_t **entries, uint64_t *n)
{
	uint32_t index = (uint32_t)(at >> (q->cluster_bits + q->l2_bits));
	struct qcow2_slice *s;
	uint64_t entry, shared, table;
	int err;

	if (index >= q->l1_size) {
		qcow2_corrupt(q, "the L1 table is too small for the disk");
		return -EIO;
	}
	entry = q->l1[index];
	table = entry & QCOW2_OFFSET;
	if (!table || !(entry & QCOW2_COPIED)) {
		shared = table;
		err = shared ? copy_table(q, shared, &table) : qcow2_alloc_table(q, 1, &table);
		if (!err)
			err = qcow2_guard_l2(q, table, index);
		if (err)
			return err;
		q->l1[index] = table | QCOW2_COPIED;
		qcow2_l1_dirty(q, index);
		if (shared)
			qcow2_free(q, shared, qcow2_cluster(q)); /* where there is no memory to note it, it leaks */
		else
			err = qcow2_slice_blank(q, &q->l2, table + entry_byte(q, at));
		if (err)
			return err;
	}
	err = entries_at(q, table, at, entries, n, &s);
	if (!err)
		qcow2_slice_dirty(&q->l2, s);
	return err;
}

int
qcow2_entry_set(struct qcow2 *q, uint64_t at, uint64_t entry, uint64_t bitmap)
{
	uint8_t *e;
	uint64_t n;
	int err = qcow2_l2_change(q, at, &e, &n);

	if (err)
		return err;
	put_be64(e, entry);
	if (q->incompatible & QCOW2_EXTENDED_L2)
		put_be64(e + 8, bitmap);
	return 0;
}

void
qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *len)
{
	unsigned x = 62 - (q->cluster_bits - 8);
	uint64_t sectors = ((entry & (QCOW2_PACKED - 1)) >> x) + 1;

	*off = entry & ((1ULL << x) - 1);
	*len = sectors * 512 - (*off & 511);
}

/* The state of a subcluster: its bits of the bitmap, "allocated" and "reads as zeroes". */
static unsigned
sub_state(uint64_t bitmap, unsigned n)
{
	return (unsigned)(bitmap >> n & 1) | (unsigned)(bitmap >> (n + QCOW2_SUBCLUSTERS) & 1) << 1;
}

/* qcow2.txt, "Extended L2 Entries". Cuts p->len to the subclusters of one state. */
static int
piece_of_subclusters(struct qcow2 *q, uint64_t bitmap, uint64_t at, struct qcow2_piece *p)
{
	static const enum extent_kind kinds[] = {EXTENT_HOLE, EXTENT_DATA, EXTENT_ZERO};
	unsigned bits = q->cluster_bits - 5, first = (unsigned)(at >> bits & 31), n = first;
	unsigned state = sub_state(bitmap, first);

	if (bitmap & bitmap >> 32 & UINT32_MAX || (bitmap & UINT32_MAX && !p->allocated))
		return qcow2_corrupt(q, "the subclusters at offset %#llx of the disk contradict each other", (unsigned long long)at);
	while (n < QCOW2_SUBCLUSTERS && sub_state(bitmap, n) == state)
		n++;
	p->kind = kinds[state];
	p->len = ((uint64_t)n << bits) - (at & (qcow2_cluster(q) - 1));
	return 0;
}

static int
check_entry(struct qcow2 *q, uint64_t entry, uint64_t at)
{
	uint64_t cluster = qcow2_cluster(q), host = entry & QCOW2_OFFSET;

	if (entry & QCOW2_PACKED)
		return q->data ? qcow2_corrupt(q, "a compressed cluster in an image with a data file") : 0;
	if (host & (cluster - 1))
		return qcow2_corrupt(q, "what is at offset %#llx of the disk is not at a cluster: %#llx", (unsigned long long)at,
				     (unsigned long long)host);
	if (q->version < 3 && entry & QCOW2_ZERO)
		return qcow2_corrupt(q, "a cluster of zeroes in an image of version 2");
	if (q->data && entry & QCOW2_COPIED && host != align_down(at, cluster))
		return qcow2_corrupt(q, "data at offset %#llx of the disk is elsewhere in the data file", (unsigned long long)at);
	return 0;
}

int
qcow2_piece(struct qcow2 *q, const uint8_t *e, uint64_t at, struct qcow2_piece *p)
{
	uint64_t cluster = qcow2_cluster(q), in = at & (cluster - 1), entry = e ? get_be64(e) : 0;
	int err = check_entry(q, entry, at);

	*p = (struct qcow2_piece){.kind = EXTENT_HOLE, .len = cluster - in};
	if (err)
		return err;
	if (entry & QCOW2_PACKED) {
		p->kind = EXTENT_PACKED;
		qcow2_packed_range(q, entry, &p->host, &p->packed_len);
		return 0;
	}
	/* In a data file the cluster may be at 0: there the flag tells that it is allocated. */
	p->allocated = entry & QCOW2_OFFSET || (q->data && entry & QCOW2_COPIED);
	p->copied = p->allocated && entry & QCOW2_COPIED;
	p->host = p->allocated ? (entry & QCOW2_OFFSET) + in : 0;
	if (q->incompatible & QCOW2_EXTENDED_L2)
		return piece_of_subclusters(q, e ? get_be64(e + 8) : 0, at, p);
	if (entry & QCOW2_ZERO)
		p->kind = EXTENT_ZERO;
	else if (p->allocated)
		p->kind = EXTENT_DATA;
	return 0;
}
