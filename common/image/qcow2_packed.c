/* SPDX-License-Identifier: ISC */
/*
 * Writing compressed clusters: one behind the other, to the byte; a cluster of the file is counted once for each of those that
 * lie in it, wholly or in part. qcow2.txt, "Compressed Clusters Descriptor".
 */
#include <errno.h>

#include "common/image/qcow2_refblock.h"

/* Where the last cluster in use by compressed ones has room, or goes on into the next, else a new one. */
static int
allocate(struct qcow2 *q, uint64_t len, uint64_t *off)
{
	uint64_t cluster = qcow2_cluster(q), last = align_down(q->packed_at, cluster), room = cluster - (q->packed_at - last), new, n;
	int err = q->packed_at ? qcow2_refcount(q, q->packed_at >> q->cluster_bits, &n) : 0;

	if (err)
		return err;
	if (q->packed_at && n == refblock_largest(q->refcount_order))
		q->packed_at = 0;
	if (q->packed_at && len <= room) {
		err = qcow2_refcount_add(q, last, cluster, 1);
	} else {
		err = qcow2_alloc(q, 1, &new);
		if (!err && q->packed_at && new == last + cluster)
			err = qcow2_refcount_add(q, last, cluster, 1);
		else if (!err)
			q->packed_at = new;
	}
	*off = q->packed_at;
	if (!err) {
		q->packed_at += len;
		if (!(q->packed_at & (cluster - 1)))
			q->packed_at = 0;
	}
	return err;
}

static int
link_packed(struct qcow2 *q, uint64_t at, uint64_t off, uint64_t len)
{
	unsigned x = 62 - (q->cluster_bits - 8);
	uint64_t more_sectors = ((off + len - 1) >> 9) - (off >> 9), n, old;
	uint8_t *e;
	int err = qcow2_l2(q, at, &e, &n);

	if (err)
		return err;
	old = e ? get_be64(e) : 0;
	err = qcow2_entry_set(q, at, QCOW2_PACKED | more_sectors << x | off, 0);
	if (!err)
		qcow2_free_entry(q, old); /* where there is no memory to note it, it leaks */
	return err;
}

int
qcow2_write_packed(struct image *i, const void *packed, size_t len, uint64_t off)
{
	struct qcow2 *q = qcow2_of(i);
	uint64_t host, end = off + 1;
	int err;

	if (q->data || q->crypt)
		return -ENOTSUP;
	if (off & (qcow2_cluster(q) - 1) || off >= i->size || !len || len >= qcow2_cluster(q))
		return -EINVAL;
	if (qcow2_in_the_way(q, off, &end))
		return -EAGAIN;
	err = qcow2_change(q);
	if (!err)
		err = allocate(q, len, &host);
	if (err)
		return err;
	if (!range_within(host, len, 1ULL << (62 - (q->cluster_bits - 8))))
		err = -EFBIG;
	if (!err)
		err = file_write(i->file, packed, len, host);
	if (!err)
		err = link_packed(q, off, host, len);
	if (err) {
		q->packed_at = 0;
		qcow2_refcount_add(q, host, len, -1);
		return err;
	}
	return qcow2_free_some(q);
}
