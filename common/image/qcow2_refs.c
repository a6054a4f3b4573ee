/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_refblock.h"
#include "common/image/qcow2_refs.h"

int
qcow2_load_sparse(struct file *f, void *buf, size_t len, uint64_t off, bool *zero)
{
	uint64_t n = len;
	bool hole;
	int err = file_extent(f, off, &n, &hole);

	*zero = !err && hole && (n == len || off + n >= f->size);
	if (err || *zero)
		return err;
	err = file_read(f, buf, len, off);
	*zero = !err && bytes_zero(buf, len);
	return err;
}

static int
load_block(struct refs *r, uint8_t *block, uint64_t index)
{
	struct qcow2 *q = r->q;
	uint64_t span = refblock_span(q, q->refcount_order), first = index * span, n;
	uint64_t end = min_u64(first + span, COUNTS_MAX);
	bool zero;
	int err = qcow2_load_sparse(q->image.file, block, qcow2_cluster(q), r->table[index], &zero);

	for (uint64_t i = first; i < end && !err && !zero; i++) {
		n = refblock_get(block, i - first, q->refcount_order);
		if (n)
			err = counts_set(r->counts, i, n);
	}
	return err;
}

static int
load_table(struct refs *r)
{
	struct qcow2 *q = r->q;
	uint64_t bytes = (uint64_t)q->reftable_clusters << q->cluster_bits;
	int err;

	r->entries = bytes / 8;
	r->table = malloc(bytes ? bytes : 1);
	if (!r->table)
		return -ENOMEM;
	err = file_read(q->image.file, r->table, bytes, q->reftable_offset);
	for (uint64_t i = 0; i < r->entries; i++)
		r->table[i] = be64toh(r->table[i]);
	return err;
}

/* A block that two entries name would be written with the refcounts of either. */
static bool
usable(const struct refs *r, const struct counts *blocks, uint64_t entry)
{
	uint64_t cluster = entry >> r->q->cluster_bits;

	return !(entry & (qcow2_cluster(r->q) - 1)) && cluster < qcow2_file_clusters(r->q) && !counts_get(blocks, cluster);
}

static int
load_blocks(struct refs *r, void (*bad)(void *arg, uint64_t index, uint64_t entry), void *arg)
{
	uint8_t *block = malloc(qcow2_cluster(r->q));
	struct counts *blocks = counts_new();
	int err = block && blocks ? 0 : -ENOMEM;

	for (uint64_t i = 0; i < r->entries && !err; i++) {
		uint64_t entry = r->table[i];

		if (!entry)
			continue;
		if (usable(r, blocks, entry)) {
			err = counts_set(blocks, entry >> r->q->cluster_bits, 1);
			if (!err)
				err = load_block(r, block, i);
			continue;
		}
		r->table[i] = 0;
		if (bad)
			bad(arg, i, entry);
		else
			err = image_fault(&r->q->image, "refcount table entry %" PRIu64 " is %#" PRIx64, i, entry);
	}
	counts_free(blocks);
	free(block);
	return err;
}

int
refs_load(struct refs *r, struct qcow2 *q, void (*bad)(void *arg, uint64_t index, uint64_t entry), void *arg)
{
	int err;

	*r = (struct refs){.q = q, .counts = counts_new()};
	if (!r->counts)
		return -ENOMEM;
	err = load_table(r);
	return err ? err : load_blocks(r, bad, arg);
}

void
refs_free(struct refs *r)
{
	counts_free(r->counts);
	free(r->table);
}

int
refs_alloc(struct refs *r, uint64_t n, uint64_t *offset)
{
	uint64_t at = counts_room(r->counts, r->room, n);
	int err = 0;

	/* What is asked for in single clusters is found from where the last was; a row may leave room before it. */
	if (n == 1)
		r->room = at + 1;
	*offset = at << r->q->cluster_bits;
	for (uint64_t i = 0; i < n && !err; i++)
		err = counts_set(r->counts, at + i, 1);
	return err;
}

int
refs_use(struct refs *r, uint64_t offset, uint64_t len, int by)
{
	uint64_t max = refblock_largest(r->q->refcount_order), i = offset >> r->q->cluster_bits, n;
	int err = 0;

	if (!len)
		return 0;
	if (!range_within(offset, len, INT64_MAX))
		return -ERANGE;
	for (uint64_t last = (offset + len - 1) >> r->q->cluster_bits; i <= last && !err; i++) {
		n = counts_get(r->counts, i);
		if (by > 0 ? n >= max : n == 0)
			return -ERANGE;
		if (by < 0 && n == 1)
			r->room = min_u64(r->room, i);
		err = counts_set(r->counts, i, by > 0 ? n + 1 : n - 1);
	}
	return err;
}

/* Writes of block `index` what differs from the counts. */
static int
update_block(struct refs *r, uint8_t *block, uint64_t index)
{
	struct qcow2 *q = r->q;
	uint64_t span = refblock_span(q, q->refcount_order), from = UINT64_MAX, to = 0;
	int err = file_read(q->image.file, block, qcow2_cluster(q), r->table[index]);

	for (uint64_t i = 0; i < span && !err; i++) {
		uint64_t n = counts_get(r->counts, index * span + i);

		if (refblock_get(block, i, q->refcount_order) == n)
			continue;
		refblock_put(block, i, q->refcount_order, n);
		from = min_u64(from, i << q->refcount_order >> 3);
		to = ((i << q->refcount_order) + (1U << q->refcount_order) + 7) >> 3;
	}
	return err || from >= to ? err : file_write(q->image.file, block + from, to - from, r->table[index] + from);
}

/* The first block from `index` on, of that many clusters each, that has something to tell. */
static uint64_t
next_block(const struct refs *r, uint64_t index, uint64_t span)
{
	uint64_t cluster = counts_next(r->counts, index * span, COUNTS_MAX);

	return cluster == UINT64_MAX ? UINT64_MAX : cluster / span;
}

int
refs_drop_structure(struct refs *r)
{
	struct qcow2 *q = r->q;
	int err = refs_use(r, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits, -1);

	for (uint64_t i = 0; i < r->entries && !err; i++)
		if (r->table[i])
			err = refs_use(r, r->table[i], qcow2_cluster(q), -1);
	return err;
}

/* New blocks for all, as there are some missing. */
static int
move(struct refs *r)
{
	int err = refs_drop_structure(r);

	return err ? err : refs_rebuild(r, r->q->refcount_order);
}

int
refs_store(struct refs *r)
{
	struct qcow2 *q = r->q;
	uint64_t span = refblock_span(q, q->refcount_order), i;
	uint8_t *block;
	int err = 0;

	for (i = 0; (i = next_block(r, i, span)) != UINT64_MAX; i++)
		if (i >= r->entries || !r->table[i])
			return move(r);
	block = malloc(qcow2_cluster(q));
	if (!block)
		return -ENOMEM;
	for (i = 0; i < r->entries && !err; i++)
		if (r->table[i])
			err = update_block(r, block, i);
	free(block);
	return err ? err : qcow2_sync(q);
}

int
refs_give_back(const struct refs *r, const struct counts *before)
{
	struct qcow2 *q = r->q;
	uint64_t end = qcow2_file_clusters(q), from, to;
	int err = 0;

	for (from = 0; (from = counts_differ(before, r->counts, from, end)) != UINT64_MAX && !err; from = to) {
		for (to = from; to < end && counts_get(before, to) && !counts_get(r->counts, to); to++)
			;
		if (to > from)
			err = file_discard(q->image.file, from << q->cluster_bits, (to - from) << q->cluster_bits);
		else
			to = from + 1;
	}
	return err;
}
