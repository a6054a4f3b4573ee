/* SPDX-License-Identifier: ISC */
/* Making QED images, and changing what their header says: the size, the backing image. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qed.h"

/* Of the backing image's name, behind the header, for up to BACKING_NAME_MAX bytes. The smallest cluster holds both. */
#define NAME_AT QED_HEADER_LEN
#define OTHER_NAME_AT 2048

const struct image_option qed_options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"backing_file", OPTION_STRING, "name of a backing image", false},
	{"backing_fmt", OPTION_STRING, "format of the backing image", false},
	{"cluster_size", OPTION_SIZE, "4K to 64M; 64K unless given", false},
	{"table_size", OPTION_SIZE, "of each table, clusters: 2 to 16; 4 unless given", false},
	{NULL, 0, NULL, false},
};

/* The header notes only that a backing image is raw; every other format is probed by who opens it. The name is at `at`. */
static void
put_backing(uint8_t *h, const char *name, const char *format, uint32_t at)
{
	uint64_t features = get_le64(h + QED_FEATURES) & ~(uint64_t)(QED_HAS_BACKING | QED_BACKING_RAW);

	if (name)
		features |= QED_HAS_BACKING | (format && !strcmp(format, "raw") ? QED_BACKING_RAW : 0);
	put_le64(h + QED_FEATURES, features);
	put_le32(h + QED_BACKING_AT, name ? at : 0);
	put_le32(h + QED_BACKING_LEN, name ? (uint32_t)strlen(name) : 0);
}

static const char *
look_at_name(const char *name, struct why *w)
{
	return name && strlen(name) > BACKING_NAME_MAX ? why(w, "the backing image's name is too long") : NULL;
}

const char *
qed_create(const struct image_create *c, struct why *w)
{
	uint64_t cluster = image_number(c, "cluster_size", 64 << 10), table = image_number(c, "table_size", 4);
	uint64_t size = align_up(c->size, 512);
	uint8_t h[QED_HEADER_LEN] = {0};
	const char *reason = qed_look_at_sizes(cluster, table, size, w);
	int err;

	if (!reason && table == 1)
		reason = why(w, "QEMU does not open images with tables of 1 cluster");
	if (!reason)
		reason = look_at_name(c->backing_name, w);
	if (reason)
		return reason;
	put_le32(h, QED_MAGIC);
	put_le32(h + QED_CLUSTER, (uint32_t)cluster);
	put_le32(h + QED_TABLE, (uint32_t)table);
	put_le32(h + QED_HEADER, 1);
	put_le64(h + QED_L1, cluster);
	put_le64(h + QED_SIZE, size);
	put_backing(h, c->backing_name, c->backing_format, NAME_AT);
	err = file_truncate(c->file, cluster + cluster * table);
	if (!err && c->backing_name)
		err = file_write(c->file, c->backing_name, strlen(c->backing_name), NAME_AT);
	if (!err)
		err = file_write(c->file, h, sizeof(h), 0);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

/* Nothing of what lies past `size` comes to light again should the disk grow. */
static int
cut(struct image *i, uint64_t size)
{
	struct levels *v = levels_of(i);
	uint64_t at = align_up(size, i->cluster_size), next, entry;
	int err = size < i->size ? levels_zero(i, size, min_u64(at, i->size) - size, 0) : 0;

	for (; at < i->size && !err; at = next) {
		struct extent e = {.image = i};

		err = levels_map(i, at, 1, &e);
		next = at + e.len;
		if (err || e.kind == EXTENT_HOLE)
			continue;
		err = levels_get(v, at, &entry);
		if (!err && entry)
			err = levels_set(v, at, 0);
	}
	return err ? err : levels_flush(i);
}

/* What is new reads as zeroes, even where the backing image is longer than the disk was. */
static int
grow(struct image *i, uint64_t old)
{
	uint64_t below = i->backing ? min_u64(i->backing->size, i->size) : 0;
	int err = below > old ? levels_zero(i, old, below - old, 0) : 0;

	return err ? err : levels_flush(i);
}

const char *
qed_resize(struct image *i, uint64_t size, const char *preallocation, struct why *w)
{
	struct qed *q = qed_of(i);
	uint64_t old = i->size;
	const char *reason;
	int err = 0;

	if (preallocation && strcmp(preallocation, "off"))
		return why(w, "preallocation of a QED image is off, not %s", preallocation);
	size = align_up(size, 512);
	reason = qed_look_at_sizes(i->cluster_size, q->levels.l2_len / i->cluster_size, size, w);
	if (reason)
		return reason;
	if (size < old)
		err = cut(i, size);
	i->size = size;
	if (!err && size > old)
		err = grow(i, old);
	put_le64(q->header + QED_SIZE, size);
	if (!err)
		err = qed_write_header(q);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

/* Names: in turn at one place and at another, so that the old one is whole until the header refers to the new one. */
static const char *
change_backing(struct qed *q, const char *name, const char *format, struct why *w)
{
	struct file *f = q->levels.image.file;
	uint32_t at = get_le32(q->header + QED_BACKING_AT) == NAME_AT ? OTHER_NAME_AT : NAME_AT;
	int err = name ? file_write(f, name, strlen(name), at) : 0;

	if (!err)
		err = file_flush(f);
	put_backing(q->header, name, format, at);
	if (!err)
		err = qed_write_header(q);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

const char *
qed_set_backing(struct image *i, const char *name, const char *format, struct why *w)
{
	bool raw = name && format && !strcmp(format, "raw");
	char *name_copy = name ? strdup(name) : NULL, *format_copy = raw ? strdup(format) : NULL;
	const char *reason = look_at_name(name, w);

	if (!reason && ((name && !name_copy) || (raw && !format_copy)))
		reason = why(w, "%s", strerror(ENOMEM));
	if (!reason)
		reason = change_backing(qed_of(i), name, format, w);
	if (reason) {
		free(name_copy);
		free(format_copy);
		return reason;
	}
	free(i->backing_name);
	free(i->backing_format);
	i->backing_name = name_copy;
	i->backing_format = format_copy;
	return NULL;
}
