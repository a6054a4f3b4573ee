/* SPDX-License-Identifier: ISC */
/*
 * Finding free clusters, and giving clusters up. What is given up is only noted: the counts go down in a flush, when the
 * tables that named it are on the disk without it, so that a cluster is never used for two things at once.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

#define OFFSET_END (1ULL << 56) /* the first offset that no table can name */
#define FREED_MAX (1U << 16)	/* ranges noted, before they are flushed */

/* A cluster that is being given out, though its count does not say so yet. */
static bool
reserved(const struct qcow2 *q, uint64_t cluster)
{
	return cluster - q->reserved.first < q->reserved.n;
}

/* The first run of at least `least` free clusters, of which at most `most` are taken. */
static int
find(struct qcow2 *q, uint64_t least, uint64_t most, uint64_t *first, uint64_t *n)
{
	uint64_t at = q->free_from, start = at, found = 0, span, limit = OFFSET_END >> q->cluster_bits;
	bool is_free, skipped = false;

	while (found < most) {
		int err = qcow2_free_span(q, at, &is_free, &span);

		if (err)
			return err;
		if (reserved(q, at)) {
			is_free = false;
			span = q->reserved.first + q->reserved.n - at;
		} else if (q->reserved.n && at < q->reserved.first) {
			span = min_u64(span, q->reserved.first - at);
		}
		if (!is_free && found >= least)
			break;
		if (!is_free) {
			skipped |= found || q->reserved.n;
			found = 0;
			start = at + span;
		} else {
			found += span;
		}
		at += span;
		if (at >= limit)
			return -EFBIG;
	}
	*first = start;
	*n = min_u64(found, most);
	if (!skipped && !q->reserved.n)
		q->free_from = start;
	return 0;
}

/* New clusters are written past the end of the file from here on. */
static void
take(struct qcow2 *q, uint64_t off, uint64_t len)
{
	if (off + len > q->fresh_from)
		q->fresh_from = off + len;
}

static int
fill_with_zeroes(struct qcow2 *q, uint64_t off, uint64_t len)
{
	qcow2_cache_drop(q, &q->l2, off, len);
	qcow2_cache_drop(q, &q->refblocks, off, len);
	return file_zero(q->image.file, off, len, off >= q->image.file->size);
}

static bool
has_block(const struct qcow2 *q, uint64_t cluster)
{
	uint64_t index = cluster >> q->refblock_bits;

	return index < q->reftable_size && q->reftable[index];
}

/*
 * A block is put at the beginning of the range that it counts, so that it does not part what is allocated in a row elsewhere;
 * or behind what is just being given out of that range; or anywhere, where that takes all of it.
 */
int
qcow2_place_block(struct qcow2 *q, uint32_t index, uint64_t *off)
{
	uint64_t first = (uint64_t)index << q->refblock_bits, end = first + (1ULL << q->refblock_bits), n;
	int err = 0;

	if (!index)
		return qcow2_corrupt(q, "the header is not counted");
	if (reserved(q, first))
		first = q->reserved.first + q->reserved.n;
	if (first >= end) {
		do /* until one is counted by a block that is there; making that may have taken the one that was found */
			err = find(q, 1, 1, &first, &n);
		while (!err && !has_block(q, first) && !(err = qcow2_make_refblocks(q, first, first)));
		if (!err)
			err = qcow2_refcount_add(q, first << q->cluster_bits, 1, 1);
	}
	*off = first << q->cluster_bits;
	if (!err)
		err = qcow2_guard(q, *off, qcow2_cluster(q));
	if (!err)
		err = fill_with_zeroes(q, *off, qcow2_cluster(q));
	take(q, *off, qcow2_cluster(q));
	return err;
}

static int
allocate(struct qcow2 *q, uint64_t least, uint64_t most, uint64_t *off, uint64_t *got)
{
	uint64_t first, n;
	int err = qcow2_change(q);

	if (!err)
		err = find(q, least, most, &first, &n);
	if (err)
		return err;
	*off = first << q->cluster_bits;
	err = qcow2_guard(q, *off, n << q->cluster_bits);
	q->reserved = (struct qcow2_range){first, n};
	if (!err)
		err = qcow2_refcount_add(q, *off, n << q->cluster_bits, 1);
	q->reserved.n = 0;
	if (err)
		return err;
	if (q->free_from == first)
		q->free_from = first + n;
	*got = n;
	return 0;
}

int
qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *off)
{
	int err = allocate(q, n, n, off, &n);

	if (!err)
		take(q, *off, n << q->cluster_bits);
	return err;
}

int
qcow2_alloc_run(struct qcow2 *q, uint64_t want, uint64_t *off, uint64_t *got, bool *fresh)
{
	int err = allocate(q, 1, want, off, got);

	if (!err) {
		*fresh = *off >= q->fresh_from;
		take(q, *off, *got << q->cluster_bits);
	}
	return err;
}

int
qcow2_alloc_table(struct qcow2 *q, uint64_t n, uint64_t *off)
{
	int err = qcow2_alloc(q, n, off);

	if (err)
		return err;
	err = fill_with_zeroes(q, *off, n << q->cluster_bits);
	if (err)
		qcow2_give_back(q, *off, n);
	return err;
}

int
qcow2_give_back(struct qcow2 *q, uint64_t off, uint64_t n)
{
	return qcow2_refcount_add(q, off, n << q->cluster_bits, -1);
}

int
qcow2_free(struct qcow2 *q, uint64_t off, uint64_t len)
{
	uint64_t first = off >> q->cluster_bits, n = ((off + len - 1) >> q->cluster_bits) - first + 1;
	struct qcow2_range *last = q->nfreed ? &q->freed[q->nfreed - 1] : NULL, *more;

	if (last && last->first + last->n == first) {
		last->n += n;
		return 0;
	}
	if (!q->freed || q->nfreed == q->freed_room) {
		size_t room = q->freed_room ? q->freed_room * 2 : 64;

		more = realloc(q->freed, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		q->freed = more;
		q->freed_room = room;
	}
	q->freed[q->nfreed++] = (struct qcow2_range){first, n};
	return 0;
}

int
qcow2_free_table(struct qcow2 *q, uint64_t off)
{
	qcow2_cache_drop(q, &q->l2, off, qcow2_cluster(q));
	return qcow2_free(q, off, qcow2_cluster(q));
}

int
qcow2_free_entry(struct qcow2 *q, uint64_t entry)
{
	uint64_t off = entry & QCOW2_OFFSET, len = qcow2_cluster(q);

	if (entry & QCOW2_PACKED)
		qcow2_packed_range(q, entry, &off, &len);
	return off && !q->data ? qcow2_free(q, off, len) : 0;
}

int
qcow2_free_some(struct qcow2 *q)
{
	return q->nfreed < FREED_MAX ? 0 : qcow2_flush(q);
}

/* The space of those that nothing refers to any more goes back to the file system, if it takes it. */
static int
punch(struct qcow2 *q, const struct qcow2_range *r)
{
	uint64_t span, end = r->first + r->n;
	bool is_free;
	int err;

	for (uint64_t at = r->first; at < end; at += span) {
		err = qcow2_free_span(q, at, &is_free, &span);
		if (err)
			return err;
		span = min_u64(span, end - at);
		if (is_free)
			file_discard(q->image.file, at << q->cluster_bits, span << q->cluster_bits);
	}
	return 0;
}

int
qcow2_free_apply(struct qcow2 *q)
{
	int err = 0;

	while (q->nfreed && !err) {
		struct qcow2_range r = q->freed[q->nfreed - 1];

		err = qcow2_refcount_add(q, r.first << q->cluster_bits, r.n << q->cluster_bits, -1);
		if (!err) {
			q->nfreed--;
			err = punch(q, &r);
		}
	}
	return err;
}
