/* SPDX-License-Identifier: ISC */
/* A disk that becomes longer or shorter, and an image that gets another backing image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_state.h"

#define RUN_MAX (1ULL << 30) /* bytes that are preallocated at once */

int
qcow2_drop_tables(struct qcow2 *q, uint64_t first)
{
	int err = 0;

	for (uint64_t n = first; n < q->l1_size && !err; n++) {
		uint64_t table = q->l1[n] & QCOW2_OFFSET;

		if (!table)
			continue;
		q->l1[n] = 0;
		qcow2_l1_dirty(q, (uint32_t)n);
		err = qcow2_free_table(q, table);
	}
	return err;
}

int
qcow2_cut_file(struct qcow2 *q)
{
	uint64_t end = qcow2_clusters(q, q->image.file->size), used = 0, span;
	bool is_free;

	for (uint64_t at = q->free_from; at < end; at += span) {
		int err = qcow2_free_span(q, at, &is_free, &span);

		if (err)
			return err;
		if (!is_free)
			used = min_u64(at + span, end);
	}
	if (used < q->free_from)
		used = q->free_from;
	return used < end ? file_truncate(q->image.file, used << q->cluster_bits) : 0;
}

/* Another L1 table, of more entries; the old one is in force until the header names the new one. */
static int
grow_l1(struct qcow2 *q, uint64_t size)
{
	uint64_t *l1, off, old_bytes = q->l1_size * 8ULL, old_offset = q->l1_offset;
	uint8_t fields[12], *copy;
	int err;

	l1 = realloc(q->l1, size * sizeof(*l1));
	copy = malloc(size * 8);
	if (l1)
		q->l1 = l1;
	err = l1 && copy ? qcow2_flush(q) : -ENOMEM;
	if (!err)
		err = qcow2_alloc_table(q, qcow2_clusters(q, size * 8), &off);
	if (err) {
		free(copy);
		return err;
	}
	memset(l1 + q->l1_size, 0, (size - q->l1_size) * sizeof(*l1));
	for (uint64_t n = 0; n < size; n++)
		put_be64(copy + n * 8, l1[n]);
	err = file_write(q->image.file, copy, size * 8, off);
	free(copy);
	if (!err)
		err = qcow2_flush(q); /* its counts */
	put_be32(fields, (uint32_t)size);
	put_be64(fields + 4, off);
	if (!err)
		err = qcow2_put_header(q, fields, sizeof(fields), QCOW2_AT_L1);
	if (err) {
		qcow2_give_back(q, off, qcow2_clusters(q, size * 8));
		return err;
	}
	q->l1_offset = off;
	q->l1_size = (uint32_t)size;
	qcow2_guard_free(q);
	return old_bytes ? qcow2_free(q, old_offset, old_bytes) : 0;
}

/* Entries for a run of clusters that nothing is in yet. */
static int
link_run(struct qcow2 *q, uint64_t at, uint64_t host, uint64_t clusters)
{
	uint8_t *e;
	uint64_t n;

	for (; clusters; at += n << q->cluster_bits, clusters -= n) {
		int err = qcow2_l2_change(q, at, &e, &n);

		if (err)
			return err;
		n = min_u64(n, clusters);
		for (uint64_t k = 0; k < n; k++, host += qcow2_cluster(q))
			put_be64(e + (k << q->entry_bits), host | QCOW2_COPIED);
	}
	return 0;
}

enum preallocation { OFF, METADATA, FALLOC, FULL };

static int
fill(struct file *f, uint64_t off, uint64_t len, enum preallocation how)
{
	int err = file_zero(f, off, len, how != FULL);

	return err || how != FALLOC ? err : file_reserve(f, off, len);
}

/* Space for [from, to) of the disk, whole clusters that hold nothing. */
static int
preallocate(struct qcow2 *q, uint64_t from, uint64_t to, enum preallocation how)
{
	uint64_t host, got;
	bool fresh;
	int err = 0;

	for (; from < to && !err; from += got << q->cluster_bits) {
		got = qcow2_clusters(q, min_u64(to - from, RUN_MAX));
		host = from;
		if (!q->data)
			err = qcow2_alloc_run(q, got, &host, &got, &fresh);
		if (!err)
			err = fill(q->data ? q->data : q->image.file, host, got << q->cluster_bits, how);
		if (!err)
			err = link_run(q, from, host, got);
	}
	return err;
}

static int
put_size(struct qcow2 *q, uint64_t size)
{
	uint8_t field[8];

	put_be64(field, size);
	return qcow2_put_header(q, field, sizeof(field), QCOW2_AT_SIZE);
}

/* The last cluster's part behind the old end may hold what a shorter disk left there; the rest, what a longer backing image has. */
static int
clear_new(struct qcow2 *q, uint64_t old, uint64_t size)
{
	const struct image *below = q->image.backing;
	bool unseen = q->image.backing_name && !below;
	uint64_t to = min_u64(align_up(old, qcow2_cluster(q)), size);

	if (unseen)
		to = size;
	else if (below && below->size > old)
		to = min_u64(below->size, size);
	if (to <= old || (!unseen && qcow2_reads_as_zeroes(q, old, to - old)))
		return 0;
	return qcow2_zero(&q->image, old, to - old, 0);
}

static int
grow(struct qcow2 *q, uint64_t size, enum preallocation how)
{
	uint64_t old = q->image.size, needed = qcow2_l1_needed(q, size), cluster = qcow2_cluster(q);
	int err = needed > q->l1_size ? grow_l1(q, needed) : 0;

	if (!err && q->data && q->data->size < size)
		err = file_truncate(q->data, size);
	q->image.size = size;
	if (!err && how != OFF)
		err = preallocate(q, align_up(old, cluster), align_up(size, cluster), how);
	if (!err)
		err = clear_new(q, old, size);
	if (!err)
		err = qcow2_flush(q);
	if (!err)
		err = put_size(q, size);
	if (err)
		q->image.size = old;
	return err;
}

static int
shrink(struct qcow2 *q, uint64_t size)
{
	uint64_t old = q->image.size, first = align_up(size, qcow2_cluster(q));
	int err = qcow2_flush(q);

	/* What is beyond is not looked at from here on; a cut before it is given up only leaks it. */
	if (!err)
		err = put_size(q, size);
	if (err)
		return err;
	if (first < old)
		err = qcow2_make_hole(q, first, align_up(old, qcow2_cluster(q)));
	q->image.size = size;
	if (!err)
		err = qcow2_drop_tables(q, qcow2_l1_needed(q, size));
	if (!err)
		err = qcow2_flush(q);
	if (!err && q->data)
		err = file_truncate(q->data, size);
	return err ? err : qcow2_cut_file(q);
}

static const char *
parse_preallocation(const struct qcow2 *q, const char *word, enum preallocation *how, struct why *w)
{
	static const char *const words[] = {"off", "metadata", "falloc", "full"};

	*how = OFF;
	if (!word)
		return NULL;
	while (strcmp(words[*how], word))
		if (++*how > FULL)
			return why(w, "preallocation is off, metadata, falloc or full, not %s", word);
	if (*how != OFF && q->image.backing_name && !(q->incompatible & QCOW2_EXTENDED_L2))
		return why(w, "with a backing image, preallocation takes extended L2 entries");
	return NULL;
}

const char *
qcow2_resize(struct image *i, uint64_t size, const char *preallocation, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	enum preallocation how;
	const char *reason = parse_preallocation(q, preallocation, &how, w);
	int err;

	if (reason)
		return reason;
	if (size > IMAGE_SIZE_MAX || qcow2_l1_needed(q, size) > QCOW2_L1_MAX / 8)
		return why(w, "too large for clusters of %u bytes", i->cluster_size);
	if (q->nsnapshots && q->version < 3)
		return why(w, "an image of version 2 (compat=0.10) that has snapshots cannot be resized");
	if (size < i->size && how != OFF)
		return why(w, "nothing is preallocated where the disk becomes shorter");
	err = qcow2_change(q);
	if (!err && q->writes)
		err = -EAGAIN;
	if (!err)
		err = qcow2_bitmaps_give_up(q);
	if (!err)
		err = size < i->size ? shrink(q, size) : grow(q, size, how);
	return image_failed(i, err, w);
}

static int
replace(char **at, const char *with)
{
	char *copy = with ? strdup(with) : NULL;

	if (with && !copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

const char *
qcow2_set_backing(struct image *i, const char *name, const char *format, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	int err = qcow2_change(q);

	if (name && strlen(name) > QCOW2_BACKING_MAX)
		return why(w, "the name of the backing image is longer than %d bytes", QCOW2_BACKING_MAX);
	if (name && q->autoclear & QCOW2_DATA_FILE_RAW)
		return why(w, "an image with a raw data file has no backing image");
	if (!err)
		err = qcow2_flush(q);
	if (!err)
		err = replace(&i->backing_name, name);
	if (!err)
		err = replace(&i->backing_format, name ? format : NULL);
	if (!err)
		err = qcow2_write_header(q);
	if (!err)
		err = qcow2_sync(q);
	return err ? why(w, "%s", err == -E2BIG ? "the header does not fit a cluster with that name" : strerror(-err)) : NULL;
}
