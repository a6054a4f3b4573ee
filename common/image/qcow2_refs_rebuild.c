/* SPDX-License-Identifier: ISC */
/*
 * A refcount structure built anew beside the old one, which stays what the header names until the new one is durable: so a cut
 * leaves either. The structure counts itself, so that room for one block may need another.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_refblock.h"
#include "common/image/qcow2_refs.h"

struct rebuild {
	struct refs *r;
	unsigned order;
	uint64_t span;
	uint64_t *table; /* the new one */
	uint64_t entries, offset, clusters;
	struct counts *old; /* clusters of the old structure, which are not to be written to yet */
};

/* The clusters that hold what the header and the table say now. An entry may be wild: then it takes nothing that matters. */
static int
hold(struct rebuild *b, uint64_t offset, uint64_t n)
{
	struct refs *r = b->r;
	uint64_t first = offset >> r->q->cluster_bits;
	int err = 0;

	for (uint64_t i = first; i < first + n && i < qcow2_file_clusters(r->q) && !err; i++) {
		if (counts_get(r->counts, i))
			continue;
		err = counts_set(b->old, i, 1);
		if (!err)
			err = counts_set(r->counts, i, 1);
	}
	return err;
}

static int
hold_old(struct rebuild *b)
{
	struct qcow2 *q = b->r->q;
	int err = hold(b, q->reftable_offset, q->reftable_clusters);

	for (uint64_t i = 0; i < b->r->entries && !err; i++)
		if (b->r->table[i])
			err = hold(b, b->r->table[i], 1);
	return err;
}

/* Nothing is counted any more of what was held. */
static int
let_go(struct rebuild *b)
{
	int err = 0;

	for (uint64_t i = 0; (i = counts_next(b->old, i, COUNTS_MAX)) != UINT64_MAX && !err; i++)
		err = counts_set(b->r->counts, i, 0);
	b->r->room = 0;
	return err;
}

/* Room for the table; the one before, too small, is given up. */
static int
room_for_table(struct rebuild *b, uint64_t entries)
{
	struct qcow2 *q = b->r->q;
	uint64_t clusters = qcow2_clusters(q, 8 * entries), old_entries = b->entries;
	int err = 0;

	for (uint64_t i = 0; i < b->clusters && !err; i++)
		err = counts_set(b->r->counts, (b->offset >> q->cluster_bits) + i, 0);
	if (clusters << q->cluster_bits > QCOW2_REFTABLE_MAX)
		return -EFBIG;
	b->clusters = clusters;
	b->entries = (clusters << q->cluster_bits) / 8;
	b->table = reallocarray(b->table, b->entries, sizeof(*b->table));
	if (!b->table)
		return -ENOMEM;
	memset(b->table + old_entries, 0, (b->entries - old_entries) * sizeof(*b->table));
	return err ? err : refs_alloc(b->r, clusters, &b->offset);
}

/* Blocks for all that is counted. *more: something was allocated, which has to be counted in turn. */
static int
room_for_blocks(struct rebuild *b, bool *more)
{
	int err = 0;

	*more = false;
	for (uint64_t i = 0; !err; i++) {
		uint64_t cluster = counts_next(b->r->counts, i * b->span, COUNTS_MAX);

		if (cluster == UINT64_MAX)
			break;
		i = cluster / b->span;
		if (i >= b->entries) {
			err = room_for_table(b, counts_end(b->r->counts) / b->span + 1);
			*more = true;
		}
		if (!err && !b->table[i]) {
			err = refs_alloc(b->r, 1, &b->table[i]);
			*more = true;
		}
	}
	return err;
}

/* Block i, with what was only held counted as free. */
static int
write_block(struct rebuild *b, uint8_t *block, uint64_t i)
{
	struct qcow2 *q = b->r->q;
	uint64_t end = (i + 1) * b->span;

	memset(block, 0, qcow2_cluster(q));
	for (uint64_t k = i * b->span; (k = counts_next(b->r->counts, k, end)) != UINT64_MAX; k++) {
		uint64_t n = counts_get(b->r->counts, k);

		if (n > refblock_largest(b->order))
			return -ERANGE;
		if (!counts_get(b->old, k))
			refblock_put(block, k - i * b->span, b->order, n);
	}
	return file_write(q->image.file, block, qcow2_cluster(q), b->table[i]);
}

static int
write_blocks(struct rebuild *b)
{
	struct qcow2 *q = b->r->q;
	uint8_t *block = malloc(qcow2_cluster(q));
	uint64_t *table = calloc(b->entries, sizeof(*table));
	int err = block && table ? 0 : -ENOMEM;

	for (uint64_t i = 0; i < b->entries && !err; i++) {
		if (b->table[i])
			err = write_block(b, block, i);
		table[i] = htobe64(b->table[i]);
	}
	if (!err)
		err = file_write(q->image.file, table, 8 * b->entries, b->offset);
	free(table);
	free(block);
	return err;
}

static int
switch_over(struct rebuild *b)
{
	struct refs *r = b->r;
	struct qcow2 *q = r->q;

	q->reftable_offset = b->offset;
	q->reftable_clusters = (uint32_t)b->clusters;
	q->refcount_order = b->order;
	free(r->table);
	r->table = b->table;
	r->entries = b->entries;
	b->table = NULL;
	return qcow2_switch_header(q);
}

static int
rebuild(struct rebuild *b)
{
	bool more = true;
	int err = hold_old(b);

	while (more && !err)
		err = room_for_blocks(b, &more);
	if (!err)
		err = write_blocks(b);
	if (!err)
		err = let_go(b);
	return err ? err : switch_over(b);
}

int
refs_rebuild(struct refs *r, unsigned order)
{
	struct rebuild b = {.r = r, .order = order, .span = refblock_span(r->q, order), .old = counts_new()};
	int err = b.old ? rebuild(&b) : -ENOMEM;

	counts_free(b.old);
	free(b.table);
	return err;
}
