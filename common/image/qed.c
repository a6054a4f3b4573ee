/* SPDX-License-Identifier: ISC */
/* QED images: what their header says; levels.c does the rest. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/qed.h"

static bool
qed_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= QED_HEADER_LEN && get_le32(head) == QED_MAGIC;
}

const char *
qed_look_at_sizes(uint64_t cluster, uint64_t table, uint64_t size, struct why *w)
{
	uint64_t entries, most;

	if (cluster < 4096 || cluster > 64 << 20 || cluster & (cluster - 1))
		return why(w, "the cluster size is a power of two between 4K and 64M, not %llu", (unsigned long long)cluster);
	if (!table || table > 16 || table & (table - 1))
		return why(w, "a table has 1, 2, 4, 8 or 16 clusters, not %llu", (unsigned long long)table);
	entries = cluster * table / 8;
	if (__builtin_mul_overflow(entries * entries, cluster, &most) || most > IMAGE_SIZE_MAX)
		most = IMAGE_SIZE_MAX;
	if (size % 512 || size > most)
		return why(w, "a disk of %llu bytes is too large or no multiple of 512", (unsigned long long)size);
	return NULL;
}

static const char *
look(const uint8_t *h, struct why *w)
{
	uint64_t features = get_le64(h + QED_FEATURES) & ~(uint64_t)(QED_HAS_BACKING | QED_NEED_CHECK | QED_BACKING_RAW);
	uint32_t cluster = get_le32(h + QED_CLUSTER), table = get_le32(h + QED_TABLE), header = get_le32(h + QED_HEADER);
	const char *reason;

	if (get_le32(h) != QED_MAGIC)
		return why(w, "not a QED image");
	if (features)
		return why(w, "unknown features: bits %#llx", (unsigned long long)features);
	reason = qed_look_at_sizes(cluster, table, get_le64(h + QED_SIZE), w);
	if (reason)
		return reason;
	if (!header || header > INT32_MAX / cluster)
		return why(w, "a header of %u clusters", header);
	if (get_le64(h + QED_L1) % cluster)
		return why(w, "the L1 table is not at a cluster's start");
	return NULL;
}

static int
decode(struct levels *v, uint64_t entry, struct extent *e)
{
	uint32_t cluster = v->image.cluster_size;

	if (entry == QED_ZERO) {
		e->kind = EXTENT_ZERO;
		return 0;
	}
	if (entry % cluster || !levels_sound(v, v->image.file, entry, cluster))
		return image_fault(&v->image, "the cluster at %#llx of the disk can not be at %#llx", (unsigned long long)e->at,
		    (unsigned long long)entry);
	e->kind = EXTENT_DATA;
	e->file = v->image.file;
	e->off = entry;
	e->in_place = true;
	return 0;
}

static const char *
read_backing(struct qed *q, struct file *f, struct why *w)
{
	uint32_t at = get_le32(q->header + QED_BACKING_AT), len = get_le32(q->header + QED_BACKING_LEN);
	struct image *i = &q->levels.image;
	int err;

	if (!(get_le64(q->header + QED_FEATURES) & QED_HAS_BACKING))
		return NULL;
	if (len > BACKING_NAME_MAX || !range_within(at, len, q->levels.first))
		return why(w, "the backing image's name is too long or not in the header");
	i->backing_name = calloc(1, len + 1);
	if (!i->backing_name)
		return why(w, "%s", strerror(ENOMEM));
	err = file_read(f, i->backing_name, len, at);
	if (err)
		return why(w, "%s", strerror(-err));
	if (!(get_le64(q->header + QED_FEATURES) & QED_BACKING_RAW))
		return NULL;
	i->backing_format = strdup("raw");
	return i->backing_format ? NULL : why(w, "%s", strerror(ENOMEM));
}

int
qed_write_header(struct qed *q)
{
	struct file *f = q->levels.image.file;
	int err = file_write(f, q->header, QED_HEADER_LEN, 0);

	return err ? err : file_flush(f);
}

/*
 * Before the first write: bits of autoclear features, none of which we know, are dropped, and an image whose writer was
 * interrupted is repaired, unless that is what it is opened for. We never set the bit that says so ourselves: our tables are written in an order that needs none.
 */
static const char *
make_writable(struct qed *q, bool check, struct why *w)
{
	struct image_check c = {0};
	const char *reason;
	int err = 0;

	if (get_le64(q->header + QED_AUTOCLEAR)) {
		put_le64(q->header + QED_AUTOCLEAR, 0);
		err = qed_write_header(q);
	}
	if (err)
		return why(w, "%s", strerror(-err));
	if (!q->levels.image.dirty || check)
		return NULL;
	reason = qed_check(&q->levels.image, CHECK_FIX_ERRORS, &c, w);
	if (!reason && q->levels.image.dirty)
		return why(w, "it was not closed cleanly and could not be repaired");
	return reason;
}

static const char *
qed_load(struct qed *q, const struct image_open *how, struct why *w)
{
	struct levels *v = &q->levels;
	uint32_t table;
	const char *reason;
	int err = file_read(how->file, q->header, QED_HEADER_LEN, 0);

	if (err)
		return why(w, "%s", strerror(-err));
	reason = look(q->header, w);
	if (reason)
		return reason;
	v->image.size = get_le64(q->header + QED_SIZE);
	v->image.cluster_size = get_le32(q->header + QED_CLUSTER);
	v->image.dirty = get_le64(q->header + QED_FEATURES) & QED_NEED_CHECK;
	table = get_le32(q->header + QED_TABLE) * v->image.cluster_size;
	v->first = (uint64_t)get_le32(q->header + QED_HEADER) * v->image.cluster_size;
	v->l1 = (struct table){get_le64(q->header + QED_L1), table};
	v->l2_len = table;
	v->zero_entry = QED_ZERO;
	v->decode = decode;
	if (v->l1.start < v->first || !range_within(v->l1.start, table, how->file->size))
		return why(w, "the L1 table is not within the file");
	reason = read_backing(q, how->file, w);
	if (reason)
		return reason;
	if (!levels_open(v, how->file))
		return why(w, "%s", strerror(ENOMEM));
	v->image.file = how->file;
	return how->flags & IMAGE_WRITE ? make_writable(q, how->flags & IMAGE_CHECK, w) : NULL;
}

static struct image *
qed_open(const struct image_open *how, struct why *w)
{
	struct qed *q = calloc(1, sizeof(*q));

	if (!q) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!qed_load(q, how, w))
		return &q->levels.image;
	free(q->levels.image.backing_name);
	free(q->levels.image.backing_format);
	levels_close(&q->levels.image);
	return NULL;
}

const struct format format_qed = {
	.name = "qed",
	.options = qed_options,
	.probe = qed_probe,
	.open = qed_open,
	.close = levels_close,
	.create = qed_create,
	.map = levels_map,
	.write = levels_write,
	.zero = levels_zero,
	.discard = levels_discard,
	.flush = levels_flush,
	.resize = qed_resize,
	.set_backing = qed_set_backing,
	.make_empty = levels_make_empty,
	.check = qed_check,
};
