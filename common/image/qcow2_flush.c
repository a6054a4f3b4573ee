/* SPDX-License-Identifier: ISC */
/*
 * What is written when. A cut between any two writes leaves leaked clusters at worst:
 *
 *	1. counts that went up (data and new tables were written before);	durable, then
 *	2. L2 entries and L1 entries, which name what was made;			durable, then
 *	3. counts that go down, of what is not named any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

int
qcow2_sync(struct qcow2 *q)
{
	int err;

	if (q->flags & IMAGE_UNSAFE)
		return 0;
	err = q->data ? file_flush(q->data) : 0;
	return err ? err : file_flush(q->image.file);
}

int
qcow2_put_header(struct qcow2 *q, const void *p, size_t n, uint64_t at)
{
	int err = qcow2_sync(q);

	if (!err)
		err = file_write(q->image.file, p, n, at);
	if (!err)
		err = qcow2_sync(q);
	q->broken |= err; /* which header is in force is not known: neither's tables may be written over */
	return err;
}

void
qcow2_l1_dirty(struct qcow2 *q, uint32_t index)
{
	if (q->l1_dirty_from == q->l1_dirty_to)
		q->l1_dirty_from = q->l1_dirty_to = index;
	if (index < q->l1_dirty_from)
		q->l1_dirty_from = index;
	if (index >= q->l1_dirty_to)
		q->l1_dirty_to = index + 1;
}

int
qcow2_clear_unknown(struct qcow2 *q)
{
	int err;

	if (!(q->autoclear & ~QCOW2_AUTOCLEAR_KNOWN))
		return 0;
	q->autoclear &= QCOW2_AUTOCLEAR_KNOWN;
	err = qcow2_write_features(q);
	return err ? err : qcow2_sync(q);
}

int
qcow2_change(struct qcow2 *q)
{
	int err;

	if (q->broken)
		return -EIO;
	if (q->changing)
		return 0;
	err = qcow2_load_reftable(q);
	if (!err) /* an image whose tables overlap is not written to at all */
		err = qcow2_guard_build(q);
	if (!err)
		err = qcow2_clear_unknown(q);
	if (!err)
		err = qcow2_bitmaps_distrust(q);
	if (err)
		return err;
	q->fresh_from = q->image.file->block_device ? UINT64_MAX : align_up(q->image.file->size, qcow2_cluster(q));
	q->changing = true;
	return 0;
}

/* Space for the table, which may need blocks that make it grow again. */
static int
place_reftable(struct qcow2 *q, uint64_t *off, uint64_t *clusters)
{
	int err;

	for (;;) {
		*clusters = qcow2_clusters(q, q->reftable_size * 8ULL);
		err = qcow2_alloc(q, *clusters, off);
		if (err || *clusters == qcow2_clusters(q, q->reftable_size * 8ULL))
			return err;
		err = qcow2_give_back(q, *off, *clusters);
		if (err)
			return err;
	}
}

/* A table that has outgrown its place gets a new one; the old one stays in force where that fails. */
static int
move_reftable(struct qcow2 *q)
{
	uint64_t off, clusters, old = q->reftable_offset, old_clusters = q->reftable_clusters;
	uint8_t fields[12];
	int err = place_reftable(q, &off, &clusters);

	if (err)
		return err;
	q->reftable_offset = off;
	q->reftable_clusters = (uint32_t)clusters;
	qcow2_guard_free(q);
	err = qcow2_cache_write(q, &q->refblocks);
	if (!err)
		err = qcow2_write_reftable(q, 0, q->reftable_size);
	put_be64(fields, off);
	put_be32(fields + 8, (uint32_t)clusters);
	if (!err)
		err = qcow2_put_header(q, fields, sizeof(fields), QCOW2_AT_REFTABLE);
	if (err) {
		q->reftable_offset = old;
		q->reftable_clusters = (uint32_t)old_clusters;
		qcow2_give_back(q, off, clusters);
		return err;
	}
	q->reftable_dirty_from = q->reftable_dirty_to = 0;
	return qcow2_free(q, old, old_clusters << q->cluster_bits);
}

/* New blocks are durable before the table names them, which is seldom: every 2 GiB at clusters of 64 KiB. */
static int
write_counts(struct qcow2 *q)
{
	int err = 0;

	if (q->reftable_size > (uint64_t)q->reftable_clusters << (q->cluster_bits - 3))
		err = move_reftable(q);
	if (!err)
		err = qcow2_cache_write(q, &q->refblocks);
	if (err || q->reftable_dirty_from == q->reftable_dirty_to)
		return err;
	err = qcow2_sync(q);
	if (!err)
		err = qcow2_write_reftable(q, q->reftable_dirty_from, q->reftable_dirty_to);
	if (!err)
		q->reftable_dirty_from = q->reftable_dirty_to = 0;
	return err;
}

static int
write_l1(struct qcow2 *q)
{
	uint32_t from = q->l1_dirty_from, n = q->l1_dirty_to - from;
	uint64_t *copy;
	int err;

	if (!n)
		return 0;
	copy = malloc(n * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (uint32_t k = 0; k < n; k++)
		copy[k] = htobe64(q->l1[from + k]);
	err = file_write(q->image.file, copy, n * sizeof(*copy), q->l1_offset + from * 8ULL);
	free(copy);
	if (!err)
		q->l1_dirty_from = q->l1_dirty_to = 0;
	return err;
}

static bool
mapping_dirty(const struct qcow2 *q)
{
	return q->l2.ndirty || q->l1_dirty_from != q->l1_dirty_to;
}

static int
flush_mapping(struct qcow2 *q)
{
	int err = qcow2_cache_write(q, &q->l2);

	return err ? err : write_l1(q);
}

static int
flush_freed(struct qcow2 *q)
{
	int err = qcow2_free_apply(q);

	return err ? err : qcow2_cache_write(q, &q->refblocks);
}

int
qcow2_flush_next(struct image *i, struct qcow2_flush *st)
{
	struct qcow2 *q = qcow2_of(i);
	int err;

	if (q->broken)
		return -EIO;
	if (st->step == 0) {
		st->step = 1;
		err = write_counts(q);
		if (err || mapping_dirty(q))
			return err ? err : 1;
	}
	if (st->step == 1) {
		st->step = 2;
		err = flush_mapping(q);
		return err ? err : 1;
	}
	return flush_freed(q);
}

int
qcow2_flush(struct qcow2 *q)
{
	struct qcow2_flush st = {0};
	int err;

	for (;;) {
		err = qcow2_flush_next(&q->image, &st);
		if (err <= 0)
			return err;
		err = qcow2_sync(q);
		if (err)
			return err;
	}
}
