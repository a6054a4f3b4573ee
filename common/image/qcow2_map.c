/* SPDX-License-Identifier: ISC */
/* Reading qcow2: extents as long as they can be told, and what compressed clusters unpack to. */
#include <errno.h>

#include "common/image/qcow2_state.h"
#include "common/image/unpack.h"

/* Does p go on with what e tells so far? */
static bool
goes_on(const struct extent *e, const struct qcow2_piece *p)
{
	if (p->kind != e->kind || e->kind == EXTENT_PACKED)
		return false;
	if (e->kind == EXTENT_HOLE)
		return true;
	return p->allocated == e->allocated && (!p->allocated || p->host == e->off + e->len);
}

static void
begin(const struct qcow2 *q, const struct qcow2_piece *p, uint64_t at, struct extent *e)
{
	e->kind = p->kind;
	e->allocated = p->allocated;
	if (p->kind != EXTENT_HOLE && (p->allocated || p->kind == EXTENT_PACKED)) {
		e->file = q->data ? q->data : q->image.file;
		e->off = p->host;
	}
	if (p->kind == EXTENT_PACKED) {
		e->unit_at = align_down(at, qcow2_cluster(q));
		e->unit_len = (uint32_t)qcow2_cluster(q);
		e->packed_len = (uint32_t)p->packed_len;
		e->method = q->compression;
	}
}

/* How many of n entries, from the first on, name nothing. Most of a large disk's do not, so this is a loop of a few instructions. */
static uint64_t
holes(const struct qcow2 *q, const uint8_t *entries, uint64_t n)
{
	uint64_t words = n << q->entry_bits >> 3, at = 0;

	while (at < words && !get_be64(entries + at * 8))
		at++;
	return at << 3 >> q->entry_bits;
}

static int
map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct qcow2 *q = qcow2_of(i);
	uint64_t end = off + len, n, empty;
	struct qcow2_piece p;
	uint8_t *entries;
	int err;

	e->len = 0;
	for (uint64_t at = off; at < end;) {
		err = qcow2_l2(q, at, &entries, &n);
		if (err)
			return err;
		empty = entries ? holes(q, entries, n) : n; /* no table: all that it would tell about is a hole */
		if (empty && e->len && e->kind != EXTENT_HOLE)
			return 0;
		if (empty) {
			e->kind = EXTENT_HOLE;
			at = align_down(at, qcow2_cluster(q)) + (empty << q->cluster_bits);
			e->len = at - off;
			continue;
		}
		for (uint64_t next = align_down(at, qcow2_cluster(q)); n && at < end; at += p.len) {
			err = qcow2_piece(q, entries, at, &p);
			if (err)
				return e->len ? 0 : err;
			if (!e->len)
				begin(q, &p, at, e);
			else if (!goes_on(e, &p))
				return 0;
			e->len += p.len;
			if (at + p.len >= next + qcow2_cluster(q)) {
				next += qcow2_cluster(q);
				entries += 1U << q->entry_bits;
				n--;
			}
		}
	}
	return 0;
}

int
qcow2_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	int err = map(i, off, len, e);

	if (e->kind == EXTENT_DATA && qcow2_of(i)->crypt) {
		e->kind = EXTENT_PACKED;
		e->in_place = false;
	}
	return err;
}

int
qcow2_unpack(const struct extent *e, void *unit, struct unpacker *u)
{
	uint8_t *packed = unpacker_room(u, e->packed_len);
	int err = packed ? file_read(e->file, packed, e->packed_len, e->off) : -ENOMEM;

	if (err)
		return err;
	return (e->method == QCOW2_ZSTD ? unpack_zstd : unpack_deflate)(u, packed, e->packed_len, unit, e->unit_len);
}

struct file *
qcow2_data_file(struct image *i)
{
	struct qcow2 *q = qcow2_of(i);

	return q->data ? q->data : i->file;
}
