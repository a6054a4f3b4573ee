/* SPDX-License-Identifier: ISC */
/* qcow2 images: opening and closing, and the table of what the format can do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/crypt.h"
#include "common/image/formats.h"
#include "common/image/qcow2_state.h"

#define L2_CACHE_MAX (32 << 20)	     /* bytes: enough for 256 GiB of clusters of 64 KiB */
#define L2_CACHE_ONCE (1 << 20)	     /* with IMAGE_ONCE */
#define REFBLOCK_CACHE_MAX (4 << 20) /* bytes */

static bool
qcow2_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= 8 && get_be32(head) == QCOW2_MAGIC && get_be32(head + 4) >= 2;
}

static bool
aligned(const struct qcow2 *q, uint64_t off)
{
	return !(off & (qcow2_cluster(q) - 1)) && off <= INT64_MAX;
}

/* A check builds a refcount table anew that cannot be one. */
static const char *
check_reftable(struct qcow2 *q, struct why *w)
{
	const char *reason = NULL;

	if (!aligned(q, q->reftable_offset))
		reason = why(w, "the refcount table is not at a cluster");
	else if ((uint64_t)q->reftable_clusters << q->cluster_bits > QCOW2_REFTABLE_MAX)
		reason = why(w, "the refcount table is too large");
	else if (!q->reftable_clusters)
		reason = why(w, "there is no refcount table");
	if (!reason || !(q->flags & IMAGE_CHECK))
		return reason;
	q->reftable_offset = q->reftable_clusters = 0;
	return NULL;
}

static const char *
check_tables(struct qcow2 *q, struct why *w)
{
	uint64_t needed = qcow2_l1_needed(q, q->image.size);

	if (q->image.size > INT64_MAX || needed > QCOW2_L1_MAX / 8)
		return why(w, "a disk of %llu bytes is too large for clusters of %u", (unsigned long long)q->image.size,
			   q->image.cluster_size);
	if (q->l1_size > QCOW2_L1_MAX / 8)
		return why(w, "the L1 table is too large");
	if (!aligned(q, q->l1_offset))
		return why(w, "the L1 table is not at a cluster");
	if (q->l1_size < needed)
		return why(w, "the L1 table is too small for the disk");
	return check_reftable(q, w);
}

const char *
qcow2_load_l1(struct qcow2 *q, struct why *w)
{
	size_t n = q->l1_size;
	int err;

	q->l1 = calloc(n ? n : 1, sizeof(*q->l1));
	err = q->l1 ? file_read(q->image.file, q->l1, n * sizeof(*q->l1), q->l1_offset) : -ENOMEM;
	for (size_t k = 0; k < n && !err; k++)
		q->l1[k] = be64toh(q->l1[k]);
	return err ? why(w, "L1 table: %s", strerror(-err)) : NULL;
}

/* A disk of data in a file of its own, by the name that the image has. */
static const char *
open_data_file(struct qcow2 *q, const struct image_open *how, struct why *w)
{
	struct qcow2_ext *e = qcow2_ext_find(q, QCOW2_EXT_DATA_FILE);
	char *name;

	if (!(q->incompatible & QCOW2_DATA_FILE))
		return NULL;
	if (!e || !e->len)
		return why(w, "the image does not say which its data file is");
	if (!how->named)
		return why(w, "data is in another file: %.*s", (int)min_u64(e->len, 200), (const char *)e->data);
	name = strndup((const char *)e->data, e->len);
	if (!name)
		return why(w, "%s", strerror(ENOMEM));
	q->data = how->named(how->user, name, how->flags & IMAGE_WRITE, w);
	free(name);
	return q->data ? NULL : w->text;
}

/* All that is more than the header. */
static const char *
load(struct qcow2 *q, const struct image_open *how, struct why *w)
{
	const char *reason = qcow2_load_snapshots(q, w);

	if (q->flags & IMAGE_CHECK) /* which tells of it */
		reason = NULL;
	if (!reason)
		reason = qcow2_open_crypt(q, how, w);
	if (reason || q->flags & IMAGE_INFO)
		return reason;
	if (q->flags & IMAGE_WRITE && q->incompatible & QCOW2_CORRUPT && !(q->flags & IMAGE_CHECK))
		return why(w, "the image is marked corrupt: it can be read, or repaired by check -r all");
	reason = check_tables(q, w);
	if (!reason)
		reason = qcow2_load_l1(q, w);
	if (!reason)
		reason = open_data_file(q, how, w);
	if (!reason && q->flags & IMAGE_WRITE && q->incompatible & QCOW2_DIRTY && !(q->flags & IMAGE_CHECK)) {
		int err = qcow2_rebuild_refcounts(q);

		if (err)
			reason = why(w, "was not closed cleanly, and its refcounts cannot be counted anew: %s",
				     q->image.fault.text[0] ? q->image.fault.text : strerror(-err));
	}
	return reason;
}

static void
qcow2_close(struct image *i)
{
	struct qcow2 *q = qcow2_of(i);

	file_close(q->data);
	crypt_close(q->crypt);
	qcow2_free_header(q);
	qcow2_free_snapshots(q);
	qcow2_cache_free(&q->l2);
	qcow2_cache_free(&q->refblocks);
	qcow2_guard_free(q);
	free(q->l1);
	free(q->reftable);
	free(q->freed);
	free(q);
}

static struct image *
qcow2_open(const struct image_open *how, struct why *w)
{
	struct qcow2 *q = calloc(1, sizeof(*q));
	const char *reason;

	if (!q) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	q->image.file = how->file;
	q->flags = how->flags;
	reason = qcow2_parse(q, w);
	if (!reason) {
		q->l2.max = (q->flags & IMAGE_ONCE ? L2_CACHE_ONCE : L2_CACHE_MAX) >> q->slice_bits;
		q->refblocks.max = REFBLOCK_CACHE_MAX >> q->slice_bits;
		reason = load(q, how, w);
	}
	if (!reason) {
		q->image.pack = q->compression == QCOW2_ZSTD ? PACK_ZSTD : PACK_DEFLATE;
		return &q->image;
	}
	free(q->image.backing_name);
	free(q->image.backing_format);
	qcow2_close(&q->image);
	return NULL;
}

static int
flush(struct image *i)
{
	return qcow2_flush(qcow2_of(i));
}

const struct format format_qcow2 = {
	.name = "qcow2",
	.options = qcow2_options,
	.probe = qcow2_probe,
	.open = qcow2_open,
	.close = qcow2_close,
	.create = qcow2_create,
	.map = qcow2_map,
	.unpack = qcow2_unpack,
	.decrypt = qcow2_decrypt,
	.write = qcow2_write,
	.write_packed = qcow2_write_packed,
	.zero = qcow2_zero,
	.discard = qcow2_discard,
	.flush = flush,
	.resize = qcow2_resize,
	.set_backing = qcow2_set_backing,
	.make_empty = qcow2_make_empty,
	.describe = qcow2_describe,
	.check = qcow2_check,
};
