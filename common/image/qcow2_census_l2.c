/* SPDX-License-Identifier: ISC */
/* L2 tables. An entry is 8 bytes, or 16 with extended L2 entries; qcow2.txt, "L2 table entry". */
#include <errno.h>
#include <inttypes.h>

#include "common/bytes.h"
#include "common/image/qcow2_census.h"

#define L2_RESERVED 0x3f000000000001feULL

/* What the entry is in words; `at` is its place in the piece, `index` in the table. */
static int
bad_l2(struct census *c, size_t at, uint64_t index, uint64_t entry, const char *what)
{
	struct qcow2 *q = c->q;
	uint64_t disk = ((c->l1_index << q->l2_bits) + index) << q->cluster_bits;
	bool extended = q->entry_bits == 4;
	int err;

	census_error(c, c->mend, "L2 entry %#" PRIx64 "%s%s: %s; disk %#" PRIx64 ", %#" PRIx64 " bytes%s", entry,
		     c->snapshot ? " of snapshot " : "", c->snapshot ? c->snapshot : "", what, disk, qcow2_cluster(q), c->mend ? ": lost" : "");
	if (!c->mend)
		return 0;
	c->lost += disk < q->image.size ? min_u64(qcow2_cluster(q), q->image.size - disk) : 0;
	/* What the backing image has there is older than what was lost: zeroes, where the version has them. */
	err = table_put(&c->l2, at, extended || q->version < 3 ? 0 : QCOW2_ZERO);
	return err || !extended ? err : table_put(&c->l2, at + 8, QCOW2_ALL_ZERO);
}

/* Is any cluster of it one that nothing else may use? */
static bool
overlaps(const struct census *c, uint64_t off, uint64_t len)
{
	return counts_next(c->fixed, off >> c->q->cluster_bits, ((off + len - 1) >> c->q->cluster_bits) + 1) != UINT64_MAX;
}

static int
packed(struct census *c, size_t at, uint64_t index, uint64_t entry, uint64_t bitmap)
{
	uint64_t off, len;
	int err;

	if (entry & QCOW2_COPIED) {
		census_error(c, c->mend, "compressed cluster %#" PRIx64 ": the copied flag must never be set", entry);
		err = c->mend ? table_put(&c->l2, at, entry & ~QCOW2_COPIED) : 0;
		if (err)
			return err;
	}
	if (c->q->data)
		return bad_l2(c, at, index, entry, "compressed cluster in an image with a data file");
	if (bitmap)
		return bad_l2(c, at, index, entry, "compressed cluster with subclusters");
	qcow2_packed_range(c->q, entry, &off, &len);
	if (overlaps(c, off, len))
		return bad_l2(c, at, index, entry, "compressed cluster overlaps metadata");
	/* The last sector may be past the end: sectors are what a descriptor counts. */
	if (!census_count(c, off, len, c->times, &err))
		return bad_l2(c, at, index, entry, "compressed cluster is past the end of the file");
	if (!c->snapshot) {
		c->check->allocated++;
		c->check->compressed++;
		c->check->fragmented++; /* by nature: it has to be read with its neighbours' bytes */
	}
	return err;
}

static int
plain(struct census *c, size_t at, uint64_t index, uint64_t entry, uint64_t bitmap)
{
	struct qcow2 *q = c->q;
	uint64_t off = entry & QCOW2_OFFSET;
	int err = 0;

	if (bitmap >> 32 & bitmap)
		return bad_l2(c, at, index, entry, "subclusters that are both allocated and zero");
	if (off & (qcow2_cluster(q) - 1))
		return bad_l2(c, at, index, entry, "cluster is not cluster aligned");
	if (!q->data && counts_get(c->fixed, off >> q->cluster_bits))
		return bad_l2(c, at, index, entry, "cluster overlaps metadata");
	if (!q->data && !census_count(c, off, qcow2_cluster(q), c->times, &err))
		return bad_l2(c, at, index, entry, "cluster is past the end of the file");
	if (!c->snapshot) {
		c->check->allocated++;
		c->check->fragmented += c->contiguous && off != c->contiguous;
		c->contiguous = off + qcow2_cluster(q);
	}
	return err;
}

static int
one(struct census *c, size_t at, uint64_t index, uint64_t entry, uint64_t bitmap)
{
	/* In a data file the first cluster is one like others: the copied flag tells it from none. */
	bool there = entry & QCOW2_OFFSET || (c->q->data && entry & QCOW2_COPIED && !(entry & QCOW2_ZERO));
	int err = 0;

	if (entry & QCOW2_PACKED)
		return packed(c, at, index, entry, bitmap);
	if (entry & L2_RESERVED) {
		census_error(c, c->mend, "L2 entry %#" PRIx64 " has reserved bits set", entry);
		entry &= ~L2_RESERVED;
		err = c->mend ? table_put(&c->l2, at, entry) : 0;
	}
	if (there)
		return err ? err : plain(c, at, index, entry, bitmap);
	if ((uint32_t)bitmap)
		return bad_l2(c, at, index, entry, "subclusters of a cluster that is not allocated");
	return err;
}

static int
piece(void *arg, uint64_t first, size_t n)
{
	struct census *c = arg;
	size_t step = 1U << c->q->entry_bits;
	int err = 0;

	for (size_t at = 0; at < n && !err; at += step) {
		uint64_t entry = get_be64(c->l2.buf + at), bitmap = step > 8 ? get_be64(c->l2.buf + at + 8) : 0;

		if (entry || bitmap)
			err = one(c, at, (first + at) / step, entry, bitmap);
	}
	return err;
}

int
census_l2(struct census *c, uint64_t offset)
{
	c->contiguous = 0;
	return table_walk(&c->l2, offset, qcow2_cluster(c->q), piece, c);
}
