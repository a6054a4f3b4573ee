/* SPDX-License-Identifier: ISC */
/* Writing data: where it goes, what around it has to be copied, and the entry that names it in the end. */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

#define ONE_WRITE (256 << 10) /* up to which a write is put together with what is copied around it */

static uint64_t
subcluster(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_EXTENDED_L2 ? qcow2_cluster(q) / QCOW2_SUBCLUSTERS : qcow2_cluster(q);
}

/* Bits n of a bitmap, for the subclusters that [from, to) of a cluster touches. */
static uint32_t
sub_bits(const struct qcow2 *q, uint64_t from, uint64_t to)
{
	unsigned bits = q->cluster_bits - 5;
	uint64_t first = from >> bits, last = (to - 1) >> bits;

	return (uint32_t)(((2ULL << last) - 1) & ~((1ULL << first) - 1));
}

bool
qcow2_in_the_way(const struct qcow2 *q, uint64_t from, uint64_t *to)
{
	uint64_t cluster = qcow2_cluster(q);

	from = align_down(from, cluster);
	for (const struct qcow2_write *w = q->writes; w; w = w->next) {
		uint64_t first = align_down(w->at, cluster), end = first + (w->clusters << q->cluster_bits);

		if (from < end && first < *to) {
			if (first <= from)
				return true;
			*to = first;
		}
	}
	return false;
}

bool
qcow2_reads_as_zeroes(struct qcow2 *q, uint64_t off, uint64_t len)
{
	struct extent e;

	len = off < q->image.size ? min_u64(len, q->image.size - off) : 0;
	for (; len; off += e.len, len -= e.len)
		if (image_map_chain(&q->image, off, len, &e, NULL) || (e.kind != EXTENT_ZERO && e.kind != EXTENT_HOLE))
			return false;
	return true;
}

/* The entry of the cluster at `at`. */
static int
entry_at(struct qcow2 *q, uint64_t at, uint64_t *entry, uint64_t *bitmap)
{
	uint8_t *e;
	uint64_t n;
	int err = qcow2_l2(q, at, &e, &n);

	*entry = !err && e ? get_be64(e) : 0;
	*bitmap = !err && e && q->incompatible & QCOW2_EXTENDED_L2 ? get_be64(e + 8) : 0;
	return err;
}

/* Whether what the old entry names has to be copied whole when another cluster takes its place. */
static bool
holds_data(const struct qcow2 *q, uint64_t entry, uint64_t bitmap)
{
	return !(q->incompatible & QCOW2_EXTENDED_L2) || entry & QCOW2_PACKED || bitmap & UINT32_MAX;
}

/* In what units the cluster at `at` is copied: subclusters where they stay in it, or where there is nothing in it. */
static int
copied_unit(struct qcow2 *q, uint64_t at, bool stays, uint64_t *unit)
{
	uint64_t entry, bitmap;
	int err = entry_at(q, at, &entry, &bitmap);

	*unit = stays || !holds_data(q, entry, bitmap) ? subcluster(q) : qcow2_cluster(q);
	return err;
}

/* What kind of write a piece needs. */
enum way { IN_PLACE, REUSE, ALLOCATE };

static enum way
way_of(const struct qcow2 *q, const struct qcow2_piece *p)
{
	if (p->copied)
		return p->kind == EXTENT_DATA ? IN_PLACE : REUSE;
	return q->data ? REUSE : ALLOCATE;
}

/* Host offset of a piece that is to be written where it is; in a data file that is where it is on the disk. */
static uint64_t
host_of(const struct qcow2 *q, const struct qcow2_piece *p, uint64_t at)
{
	return q->data ? at : p->host;
}

/* How far from `off` on, at most to *end, one way goes, with its host clusters in a row. */
static int
stretch(struct qcow2 *q, uint64_t off, uint64_t *end, enum way *way, uint64_t *host)
{
	uint64_t at = off, next, n;
	struct qcow2_piece p;
	uint8_t *entries;
	int err;

	while (at < *end) {
		err = qcow2_l2(q, at, &entries, &n);
		if (err)
			return err;
		for (next = at; n && at < *end; at += p.len) {
			err = qcow2_piece(q, entries, at, &p);
			if (err)
				return err;
			if (at == off) {
				*way = way_of(q, &p);
				*host = host_of(q, &p, at);
			} else if (way_of(q, &p) != *way || (*way != ALLOCATE && host_of(q, &p, at) != *host + (at - off))) {
				*end = at;
				return 0;
			}
			if (at + p.len == align_down(next, qcow2_cluster(q)) + qcow2_cluster(q)) {
				next = at + p.len;
				entries = entries ? entries + (1U << q->entry_bits) : NULL;
				n--;
			}
		}
	}
	return 0;
}

/* What of the clusters around [at, at + len) has to be written with it, unless that is zeroes and known to be there. */
static int
around(struct qcow2 *q, struct qcow2_write *w, bool fresh)
{
	uint64_t end = w->at + w->len, unit;
	int err = copied_unit(q, w->at, !w->allocated, &unit);

	w->head = w->at & (unit - 1);
	if (!err)
		err = copied_unit(q, end - 1, !w->allocated, &unit);
	w->tail = align_up(end, unit) - end;
	if (fresh && !q->crypt && qcow2_reads_as_zeroes(q, w->at - w->head, w->head))
		w->head = 0;
	if (fresh && !q->crypt && qcow2_reads_as_zeroes(q, end, w->tail))
		w->tail = 0;
	return err;
}

/* Space for a write that has to be linked. */
static int
begin_fresh(struct qcow2 *q, enum way way, uint64_t host, uint64_t end, struct qcow2_write *w)
{
	uint64_t in = w->at & (qcow2_cluster(q) - 1), want = qcow2_clusters(q, in + (end - w->at)), got = want;
	bool fresh = q->data && w->at >= q->data->size;
	int err = 0;

	w->fresh = true;
	w->allocated = way == ALLOCATE;
	w->host = host - in;
	if (w->allocated)
		err = qcow2_alloc_run(q, want, &w->host, &got, &fresh);
	else if (!q->data)
		err = qcow2_guard(q, w->host, got << q->cluster_bits);
	if (err)
		return err;
	w->clusters = got;
	w->len = min_u64(end - w->at, (got << q->cluster_bits) - in);
	w->off = w->host + in;
	err = around(q, w, fresh);
	if (err) {
		if (w->allocated)
			qcow2_give_back(q, w->host, got);
		return err;
	}
	w->next = q->writes;
	q->writes = w;
	return 0;
}

int
qcow2_write_begin(struct image *i, uint64_t off, uint64_t len, struct qcow2_write *w)
{
	struct qcow2 *q = qcow2_of(i);
	uint64_t end = off + len, host = 0;
	enum way way = IN_PLACE;
	int err = qcow2_change(q);

	*w = (struct qcow2_write){.at = off, .file = qcow2_data_file(i)};
	if (!err)
		err = stretch(q, off, &end, &way, &host);
	if (err)
		return err;
	if (way != IN_PLACE)
		return qcow2_in_the_way(q, off, &end) ? -EAGAIN : begin_fresh(q, way, host, end, w);
	w->off = host;
	w->len = end - off;
	return q->data ? 0 : qcow2_guard(q, w->off, w->len);
}

/* The entry of a cluster of which [from, to) was written to `host`. */
static int
link_cluster(struct qcow2 *q, const struct qcow2_write *w, uint64_t at, uint64_t host, uint64_t from, uint64_t to)
{
	uint64_t entry, bitmap, written = UINT32_MAX;
	int err = entry_at(q, at, &entry, &bitmap);

	if (err)
		return err;
	if (!w->allocated || !holds_data(q, entry, bitmap))
		written = sub_bits(q, from, to);
	bitmap = (bitmap | written) & ~(written << 32);
	err = qcow2_entry_set(q, at, host | QCOW2_COPIED, bitmap);
	if (!err && w->allocated)
		qcow2_free_entry(q, entry); /* where there is no memory to note it, it leaks */
	return err;
}

static int
link_all(struct qcow2 *q, const struct qcow2_write *w)
{
	uint64_t cluster = qcow2_cluster(q), at = align_down(w->at, cluster), end = w->at + w->len;
	int err = 0;

	for (uint64_t n = 0; n < w->clusters && !err; n++, at += cluster) {
		uint64_t from = at < w->at ? w->at - at : 0, to = min_u64(end - at, cluster);

		err = link_cluster(q, w, at, w->host + (n << q->cluster_bits), from, to);
		if (err && w->allocated)
			qcow2_give_back(q, w->host + (n << q->cluster_bits), w->clusters - n);
	}
	return err;
}

int
qcow2_write_end(struct image *i, struct qcow2_write *w, bool ok)
{
	struct qcow2 *q = qcow2_of(i);
	int err = 0;

	if (w->fresh) {
		struct qcow2_write **at = &q->writes;

		while (*at != w)
			at = &(*at)->next;
		*at = w->next;
	}
	/* The caller may have written by other ways than the file's. */
	if (ok && w->file->size < w->off + w->len + w->tail)
		w->file->size = w->off + w->len + w->tail;
	if (ok && w->fresh)
		err = link_all(q, w);
	else if (w->allocated)
		err = qcow2_give_back(q, w->host, w->clusters);
	return err;
}

static int
put(struct qcow2 *q, const struct qcow2_write *w, const void *buf, size_t len, uint64_t off)
{
	return qcow2_write_data(q, buf, len, off, w->at + (off - w->off));
}

/* The disk's bytes; past its end zeroes. */
static int
read_padded(struct qcow2 *q, uint8_t *buf, uint64_t len, uint64_t off)
{
	uint64_t there = off < q->image.size ? min_u64(len, q->image.size - off) : 0;

	memset(buf + there, 0, len - there);
	return there ? image_read(&q->image, buf, there, off) : 0;
}

/* Reads what is around, and writes all in a row; in one piece where it is not long. */
static int
put_with_around(struct qcow2 *q, const struct qcow2_write *w, const void *buf)
{
	uint64_t end = w->at + w->len, all = w->head + w->len + w->tail;
	bool one = all <= ONE_WRITE;
	uint8_t *copy = malloc(one ? all : w->head > w->tail ? w->head : w->tail);
	int err = copy ? read_padded(q, copy, w->head, w->at - w->head) : -ENOMEM;

	if (one) {
		if (!err)
			err = read_padded(q, copy + w->head + w->len, w->tail, end);
		if (!err) {
			memcpy(copy + w->head, buf, w->len);
			err = put(q, w, copy, all, w->off - w->head);
		}
	} else {
		if (!err)
			err = put(q, w, copy, w->head, w->off - w->head);
		if (!err)
			err = put(q, w, buf, w->len, w->off);
		if (!err)
			err = read_padded(q, copy, w->tail, end);
		if (!err)
			err = put(q, w, copy, w->tail, w->off + w->len);
	}
	free(copy);
	return err;
}

int
qcow2_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	struct qcow2 *q = qcow2_of(i);
	struct qcow2_write w;
	int err, ended;

	for (; len; buf = (const uint8_t *)buf + w.len, off += w.len, len -= w.len) {
		err = qcow2_write_begin(i, off, len, &w);
		if (err)
			return err;
		err = w.head || w.tail ? put_with_around(q, &w, buf) : put(q, &w, buf, w.len, w.off);
		ended = qcow2_write_end(i, &w, !err);
		if (err || ended)
			return err ? err : ended;
		err = qcow2_free_some(q);
		if (err)
			return err;
	}
	return 0;
}
