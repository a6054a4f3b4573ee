/* SPDX-License-Identifier: ISC */
/*
 * Reference counts of an image at work, looked up and changed one by one through a cache: the table, its blocks, the counts in
 * them. Those of a whole image at once are qcow2_refs.c's. qcow2.txt, "Host cluster management".
 * The table is in memory and grows there; a flush writes it, to a new place where it has grown.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_refblock.h"
#include "common/image/qcow2_state.h"

#define BLOCK_OFFSET (~511ULL)

int
qcow2_load_reftable(struct qcow2 *q)
{
	uint32_t n = q->reftable_clusters << (q->cluster_bits - 3);
	int err;

	if (q->reftable)
		return 0;
	q->reftable = calloc(n ? n : 1, sizeof(*q->reftable));
	err = q->reftable ? file_read(q->image.file, q->reftable, n * sizeof(*q->reftable), q->reftable_offset) : -ENOMEM;
	if (err) {
		free(q->reftable);
		q->reftable = NULL;
		return err;
	}
	for (uint32_t k = 0; k < n; k++)
		q->reftable[k] = be64toh(q->reftable[k]);
	q->reftable_size = n;
	return 0;
}

/* The slice with the count of `cluster`, which is its *index-th of *n; NULL where there is no block. */
static int
counts_of(struct qcow2 *q, uint64_t cluster, struct qcow2_slice **s, uint64_t *index, uint64_t *n)
{
	uint64_t table = cluster >> q->refblock_bits;
	uint64_t block = table < q->reftable_size ? q->reftable[table] & BLOCK_OFFSET : 0;
	uint64_t in = cluster & ((1ULL << q->refblock_bits) - 1);
	unsigned bits = q->slice_bits + 3 - q->refcount_order; /* counts of a slice */

	*s = NULL;
	*index = in & ((1ULL << bits) - 1);
	*n = 1ULL << bits;
	if (!block) {
		*index = in;
		*n = 1ULL << q->refblock_bits;
		return 0;
	}
	if (block & (qcow2_cluster(q) - 1) || block > INT64_MAX)
		return qcow2_corrupt(q, "a refcount block is not at a cluster: %#llx", (unsigned long long)block);
	return qcow2_slice(q, &q->refblocks, block + ((in >> bits) << q->slice_bits), s);
}

int
qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
	struct qcow2_slice *s;
	uint64_t index, n;
	int err = counts_of(q, cluster, &s, &index, &n);

	if (!err)
		*count = s ? refblock_get(s->data, index, q->refcount_order) : 0;
	return err;
}

int
qcow2_free_span(struct qcow2 *q, uint64_t cluster, bool *is_free, uint64_t *span)
{
	struct qcow2_slice *s;
	uint64_t index, n, k;
	int err = counts_of(q, cluster, &s, &index, &n);

	if (err)
		return err;
	*is_free = !s || !refblock_get(s->data, index, q->refcount_order);
	for (k = index + 1; s && k < n && !refblock_get(s->data, k, q->refcount_order) == *is_free; k++)
		;
	*span = (s ? k : n) - index;
	return 0;
}

/* Room for `need` entries in the table in memory; a flush will find a new place for it in the file. */
static int
grow_table(struct qcow2 *q, uint64_t need)
{
	uint64_t per_cluster = qcow2_cluster(q) / 8, size = need + need / 2;
	uint64_t *more;

	size = min_u64(align_up(size, per_cluster), QCOW2_REFTABLE_MAX / 8);
	if (size < need)
		return -EFBIG;
	more = realloc(q->reftable, size * sizeof(*more));
	if (!more)
		return -ENOMEM;
	memset(more + q->reftable_size, 0, (size - q->reftable_size) * sizeof(*more));
	q->reftable = more;
	q->reftable_size = (uint32_t)size;
	return 0;
}

/* A new block, which counts itself where it is in the range that it counts. */
static int
make_block(struct qcow2 *q, uint32_t index)
{
	uint64_t off, cluster;
	int err = qcow2_place_block(q, index, &off);

	if (err)
		return err;
	cluster = off >> q->cluster_bits;
	err = qcow2_guard_refblock(q, off, index);
	if (err)
		return err;
	q->reftable[index] = off;
	if (q->reftable_dirty_from == q->reftable_dirty_to)
		q->reftable_dirty_from = q->reftable_dirty_to = index;
	if (index < q->reftable_dirty_from)
		q->reftable_dirty_from = index;
	if (index >= q->reftable_dirty_to)
		q->reftable_dirty_to = index + 1;
	return cluster >> q->refblock_bits == index ? qcow2_refcount_add(q, off, 1, 1) : 0;
}

int
qcow2_make_refblocks(struct qcow2 *q, uint64_t first, uint64_t last)
{
	int err = 0;

	for (uint64_t k = first >> q->refblock_bits; k <= last >> q->refblock_bits && !err; k++) {
		if (k >= q->reftable_size)
			err = grow_table(q, k + 1);
		if (!err && !(q->reftable[k] & BLOCK_OFFSET))
			err = make_block(q, (uint32_t)k);
	}
	return err;
}

static void
unused(struct qcow2 *q, uint64_t cluster)
{
	if (cluster < q->free_from)
		q->free_from = cluster;
	if (cluster == q->packed_at >> q->cluster_bits)
		q->packed_at = 0;
}

/* Adds to the counts of [first, last]; *done is how many of them were changed, also where it fails. */
static int
add(struct qcow2 *q, uint64_t first, uint64_t last, int delta, uint64_t *done)
{
	struct qcow2_slice *s;
	uint64_t index, n, count;

	for (uint64_t c = first; c <= last;) {
		int err = counts_of(q, c, &s, &index, &n);

		if (err)
			return err;
		for (; index < n && c <= last; index++, c++, ++*done) {
			count = s ? refblock_get(s->data, index, q->refcount_order) : 0;
			if (!s || (delta < 0 && !count))
				return qcow2_corrupt(q, "cluster %#llx is in use and not counted", (unsigned long long)c);
			if (delta > 0 && count == refblock_largest(q->refcount_order))
				return -ERANGE;
			count += (uint64_t)(int64_t)delta;
			refblock_put(s->data, index, q->refcount_order, count);
			qcow2_slice_dirty(&q->refblocks, s);
			if (!count)
				unused(q, c);
		}
	}
	return 0;
}

int
qcow2_refcount_add(struct qcow2 *q, uint64_t off, uint64_t len, int delta)
{
	uint64_t first = off >> q->cluster_bits, last = (off + len - 1) >> q->cluster_bits, done = 0, undone = 0;
	int err;

	if (!len)
		return 0;
	if (!range_within(off, len, INT64_MAX))
		return qcow2_corrupt(q, "a cluster at %#llx", (unsigned long long)off);
	err = delta > 0 ? qcow2_make_refblocks(q, first, last) : 0;
	if (!err)
		err = add(q, first, last, delta, &done);
	if (err && done)
		add(q, first, first + done - 1, -delta, &undone);
	return err;
}

int
qcow2_write_reftable(struct qcow2 *q, uint32_t from, uint32_t to)
{
	uint64_t *copy = malloc((to - from) * sizeof(*copy));
	int err;

	if (!copy)
		return -ENOMEM;
	for (uint32_t k = from; k < to; k++)
		copy[k - from] = htobe64(q->reftable[k]);
	err = file_write(q->image.file, copy, (to - from) * sizeof(*copy), q->reftable_offset + from * sizeof(*copy));
	free(copy);
	return err;
}
