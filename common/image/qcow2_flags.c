/* SPDX-License-Identifier: ISC */
/* Copied flags: set in entries of the active tables if and only if the refcount of what they name is 1. */
#include <errno.h>
#include <inttypes.h>

#include "common/bytes.h"
#include "common/image/qcow2_flags.h"

struct walk {
	struct census *c;
	const struct counts *refcounts;
	enum flags_how how;
	struct counts *seen; /* L2 tables */
};

static int
judge(struct walk *f, struct table *t, size_t at, uint64_t entry, uint64_t refcount, const char *what)
{
	bool has = entry & QCOW2_COPIED, fix = has ? f->how == FLAGS_CLEAR : f->how == FLAGS_SET;

	if (has == (refcount == 1) || (!fix && f->how != FLAGS_TELL))
		return 0;
	census_error(f->c, fix, "OFLAG_COPIED %s: entry=%" PRIx64 " refcount=%" PRIu64, what, entry, refcount);
	return fix ? table_put(t, at, entry ^ QCOW2_COPIED) : 0;
}

static int
l2_piece(void *arg, uint64_t first, size_t n)
{
	struct walk *f = arg;
	struct qcow2 *q = f->c->q;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 1U << q->entry_bits) {
		uint64_t entry = get_be64(f->c->l2.buf + at), off = entry & QCOW2_OFFSET;

		if (!entry || entry & QCOW2_PACKED || off & (qcow2_cluster(q) - 1))
			continue;
		if (q->data && (off || (entry & QCOW2_COPIED && !(entry & QCOW2_ZERO))))
			err = judge(f, &f->c->l2, at, entry, 1, "data cluster");
		else if (!q->data && off)
			err = judge(f, &f->c->l2, at, entry, counts_get(f->refcounts, off >> q->cluster_bits), "data cluster");
	}
	return err;
}

static int
l1_piece(void *arg, uint64_t first, size_t n)
{
	struct walk *f = arg;
	struct qcow2 *q = f->c->q;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(f->c->l1.buf + at), off = entry & QCOW2_OFFSET, cluster = off >> q->cluster_bits;

		if (!off || off & (qcow2_cluster(q) - 1) || cluster >= qcow2_file_clusters(q))
			continue;
		err = judge(f, &f->c->l1, at, entry, counts_get(f->refcounts, cluster), "L2 cluster");
		if (err || counts_get(f->seen, cluster))
			continue;
		err = counts_set(f->seen, cluster, 1);
		if (!err)
			err = table_walk(&f->c->l2, off, qcow2_cluster(q), l2_piece, f);
	}
	return err;
}

int
flags_walk(struct census *c, const struct counts *refcounts, enum flags_how how)
{
	struct walk f = {.c = c, .refcounts = refcounts, .how = how, .seen = counts_new()};
	int err = f.seen ? table_walk(&c->l1, c->q->l1_offset, 8ULL * c->q->l1_size, l1_piece, &f) : -ENOMEM;

	counts_free(f.seen);
	return err;
}
