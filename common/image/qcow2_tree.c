/* SPDX-License-Identifier: ISC */
/* All that an L1 table names, for what shares it or gives it up as a whole. */
#include <errno.h>
#include <inttypes.h>

#include "common/bytes.h"
#include "common/image/qcow2_table.h"
#include "common/image/qcow2_tree.h"

struct tree {
	struct refs *r;
	struct table l1, l2;
	struct counts *seen; /* L2 tables; one that is named twice is a fault, so that no table is walked for ever */
	int by;		     /* 0: flags */
	bool set;
};

static int
flag(struct tree *t, struct table *table, size_t at, uint64_t entry, uint64_t offset)
{
	bool want = t->set && counts_get(t->r->counts, offset >> t->r->q->cluster_bits) == 1;

	return want == !!(entry & QCOW2_COPIED) ? 0 : table_put(table, at, entry ^ QCOW2_COPIED);
}

static int
l2_entry(struct tree *t, size_t at, uint64_t entry)
{
	struct qcow2 *q = t->r->q;
	uint64_t off = entry & QCOW2_OFFSET, len = qcow2_cluster(q);

	if (entry & QCOW2_PACKED)
		qcow2_packed_range(q, entry, &off, &len);
	else if (off & (qcow2_cluster(q) - 1))
		return image_fault(&q->image, "L2 entry %#" PRIx64 " is not cluster aligned", entry);
	if (!off)
		return 0;
	if (t->by)
		return refs_use(t->r, off, len, t->by);
	return entry & QCOW2_PACKED ? 0 : flag(t, &t->l2, at, entry, off);
}

static int
l2_piece(void *arg, uint64_t first, size_t n)
{
	struct tree *t = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 1U << t->r->q->entry_bits) {
		uint64_t entry = get_be64(t->l2.buf + at);

		if (entry)
			err = l2_entry(t, at, entry);
	}
	return err;
}

static int
l1_entry(struct tree *t, size_t at, uint64_t entry)
{
	struct qcow2 *q = t->r->q;
	uint64_t off = entry & QCOW2_OFFSET, cluster = off >> q->cluster_bits;
	int err;

	if (off & (qcow2_cluster(q) - 1) || cluster >= qcow2_file_clusters(q) || counts_get(t->seen, cluster))
		return image_fault(&q->image, "L1 entry %#" PRIx64 " is not valid", entry);
	err = counts_set(t->seen, cluster, 1);
	if (!err)
		err = t->by ? refs_use(t->r, off, qcow2_cluster(q), t->by) : flag(t, &t->l1, at, entry, off);
	return err ? err : table_walk(&t->l2, off, qcow2_cluster(q), l2_piece, t);
}

static int
l1_piece(void *arg, uint64_t first, size_t n)
{
	struct tree *t = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(t->l1.buf + at);

		if (entry & QCOW2_OFFSET)
			err = l1_entry(t, at, entry);
	}
	return err;
}

static int
walk(struct tree *t, uint64_t l1_offset, uint32_t n)
{
	int err;

	t->seen = counts_new();
	err = t->seen ? table_init(&t->l1, t->r->q->image.file) : -ENOMEM;
	if (!err)
		err = table_init(&t->l2, t->r->q->image.file);
	if (!err)
		err = table_walk(&t->l1, l1_offset, 8ULL * n, l1_piece, t);
	table_free(&t->l1);
	table_free(&t->l2);
	counts_free(t->seen);
	return err;
}

int
tree_use(struct refs *r, uint64_t l1_offset, uint32_t n, int by)
{
	struct tree t = {.r = r, .by = by};

	return walk(&t, l1_offset, n);
}

int
tree_flags(struct refs *r, uint64_t l1_offset, uint32_t n, bool set)
{
	struct tree t = {.r = r, .set = set};

	return walk(&t, l1_offset, n);
}
