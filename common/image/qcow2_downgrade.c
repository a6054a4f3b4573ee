/* SPDX-License-Identifier: ISC */
/* An image of version 2 again, for programs of old: what that version cannot say has to go first. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_amend.h"
#include "common/image/qcow2_table.h"

struct expand {
	struct refs refs;
	struct table l1, l2;
	bool backing; /* what is not allocated is the backing image's */
};

const char *
qcow2_may_downgrade(struct qcow2 *q, struct why *w)
{
	uint64_t features = q->incompatible & ~(QCOW2_DIRTY | QCOW2_CORRUPT);

	if (features)
		return why(w, "Cannot downgrade an image with incompatible features %#" PRIx64 " set", features);
	for (uint32_t i = 0; i < q->nsnapshots; i++)
		if (q->snapshots[i].vm_state_size > UINT32_MAX || q->snapshots[i].disk_size != q->image.size)
			return why(w, "Cannot downgrade an image with snapshots of a disk of another size, or of large VM states");
	return NULL;
}

/* Zeroes that nobody reads are not encrypted, and one table's clusters may be another's, too. */
static const char *
fixed(const struct qcow2 *q)
{
	return q->nsnapshots ? "while it has snapshots" : q->crypt ? "that are encrypted" : NULL;
}

/* A cluster that reads as zeroes without being told so, or none where there is nothing below. */
static int
expand_entry(struct expand *x, size_t at, uint64_t entry)
{
	struct qcow2 *q = x->refs.q;
	uint64_t off = entry & QCOW2_OFFSET;
	int err = 0;

	if (fixed(q))
		return image_fault(&q->image, "Cannot downgrade an image with zero clusters %s", fixed(q));
	if (!off && !x->backing)
		return table_put(&x->l2, at, 0);
	if (!off)
		err = refs_alloc(&x->refs, 1, &off);
	if (!err)
		err = file_zero(q->image.file, off, qcow2_cluster(q), true);
	return err ? err : table_put(&x->l2, at, off | QCOW2_COPIED);
}

static int
l2_piece(void *arg, uint64_t first, size_t n)
{
	struct expand *x = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(x->l2.buf + at);

		if (entry & QCOW2_ZERO && !(entry & QCOW2_PACKED))
			err = expand_entry(x, at, entry);
	}
	return err;
}

static int
l1_piece(void *arg, uint64_t first, size_t n)
{
	struct expand *x = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t off = get_be64(x->l1.buf + at) & QCOW2_OFFSET;

		if (off)
			err = table_walk(&x->l2, off, qcow2_cluster(x->refs.q), l2_piece, x);
	}
	return err;
}

static int
expand(struct qcow2 *q)
{
	struct expand x = {.backing = q->image.backing_name};
	int err = refs_load(&x.refs, q, NULL, NULL);

	if (!err)
		err = table_init(&x.l1, q->image.file);
	if (!err)
		err = table_init(&x.l2, q->image.file);
	if (!err)
		err = table_walk(&x.l1, q->l1_offset, 8ULL * q->l1_size, l1_piece, &x);
	if (!err)
		err = refs_store(&x.refs);
	table_free(&x.l1);
	table_free(&x.l2);
	refs_free(&x.refs);
	return err;
}

/* Marked dirty until all is in its place, where something is to change: whoever opens it meanwhile counts anew. */
static int
downgrade(struct qcow2 *q)
{
	int err = qcow2_flush(q), reloaded;

	if (!err && !fixed(q)) {
		q->incompatible |= QCOW2_DIRTY;
		err = qcow2_switch_header(q);
	}
	if (!err)
		err = expand(q);
	reloaded = qcow2_reload(q);
	if (!err)
		err = reloaded;
	if (err)
		return err;
	q->version = 2;
	q->incompatible = q->compatible = q->autoclear = 0;
	err = qcow2_ext_set(q, QCOW2_EXT_FEATURE_NAMES, NULL, 0);
	if (!err)
		err = qcow2_ext_set(q, QCOW2_EXT_BITMAPS, NULL, 0);
	if (!err)
		err = qcow2_write_header(q);
	return err ? err : qcow2_sync(q);
}

const char *
qcow2_downgrade(struct qcow2 *q, struct why *w)
{
	return image_failed(&q->image, downgrade(q), w);
}
