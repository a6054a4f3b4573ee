/* SPDX-License-Identifier: ISC */
/*
 * Changing a VMDK. Grains are added at the end of the file, whole; an entry of a table is written when they are on disk, to
 * both of its tables. So a cut leaves grains that no table has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/image/vmdk.h"

/* Nothing was ever written to it. */
static bool
is_blank(const struct vmdk *v)
{
	for (size_t n = 0; n < v->n; n++) {
		const struct vmdk_extent *x = &v->extents[n];
		uint64_t len = x->len, empty = align_up(x->overhead, VMDK_SECTOR) + (x->packed ? x->directory.len + 5 * VMDK_SECTOR : 0);
		bool hole = true;

		if (x->kind == VMDK_FLAT && (file_extent(x->file, x->flat, &len, &hole) || !hole || len < x->len))
			return false;
		if (x->kind == VMDK_SPARSE && x->file->size > empty)
			return false;
	}
	return true;
}

/*
 * A changed image has another content ID, so that those made on top of it notice. It is random, but for new images: the same
 * commands are to make the same bytes. It takes the place of the old one, which QEMU writes without leading zeroes.
 */
static int
touch(struct vmdk *v)
{
	uint32_t cid = v->cid;
	char digits[9];

	if (v->touched || !v->cid_at)
		return 0;
	if (is_blank(v))
		cid = cid * 1664525 + 1013904223;
	else if (getrandom(&cid, sizeof(cid), 0) != sizeof(cid))
		return -errno;
	cid &= UINT32_MAX >> (32 - 4 * v->cid_digits);
	v->cid = cid == VMDK_NO_PARENT || cid == v->cid ? v->cid ^ 1 : cid;
	v->touched = true;
	snprintf(digits, sizeof(digits), "%0*x", (int)v->cid_digits, v->cid);
	return file_write(v->image.file, digits, v->cid_digits, v->cid_at);
}

/* What tables are to say must be on disk before. */
static int
settle(const struct vmdk *v, struct vmdk_extent *x)
{
	int err = v->unsafe || !tables_dirty(x->tables) ? 0 : file_flush(x->file);

	return err ? err : tables_write(x->tables, NULL, NULL);
}

int
vmdk_flush(struct image *i)
{
	struct vmdk *v = vmdk_of(i);
	int err = 0;

	for (size_t n = 0; n < v->n && !err; n++) {
		struct vmdk_extent *x = &v->extents[n];

		if (x->tables)
			err = x->packed ? vmdk_stream_finish(v, x) : settle(v, x);
		if (!err && x->own && !v->unsafe)
			err = file_flush(x->file);
	}
	return err || v->unsafe ? err : file_flush(i->file);
}

uint8_t *
vmdk_compose(struct vmdk *v, struct vmdk_extent *x, const void *buf, size_t len, uint64_t off, int *err)
{
	uint64_t begin = align_down(off, x->grain), end = min_u64(begin + x->grain, x->len), skip = off - begin;
	uint8_t *grain = calloc(1, x->grain);

	*err = grain ? 0 : -ENOMEM;
	if (grain && skip)
		*err = image_read(&v->image, grain, skip, x->at + begin);
	if (!*err && off + len < end)
		*err = image_read(&v->image, grain + skip + len, end - off - len, x->at + off + len);
	if (!*err && buf)
		memcpy(grain + skip, buf, len);
	if (!*err)
		return grain;
	free(grain);
	return NULL;
}

/* Sees to it that both tables of a range are there, empty ones if need be. */
static int
make_tables(struct vmdk *v, struct vmdk_extent *x, uint32_t number)
{
	uint64_t len = align_up(x->entries * 4ull, VMDK_SECTOR), at;
	struct table t;
	uint8_t *p;
	int err = 0;

	for (int spare = 0; spare <= !!x->spare.len && !err; spare++) {
		err = vmdk_table(v, x, number, spare, &t);
		if (err || t.start)
			continue;
		at = align_up(x->end, VMDK_SECTOR);
		err = at / VMDK_SECTOR > UINT32_MAX ? -EFBIG : file_zero(x->file, at, len, true);
		if (!err)
			err = tables_at(x->tables, spare ? x->spare : x->directory, number * 4ull, &p);
		if (err)
			continue;
		put_le32(p, (uint32_t)(at / VMDK_SECTOR));
		tables_changed(x->tables);
		x->end = at + len;
	}
	return err;
}

/* Entries of n grains of one table, from `off` of the extent on; `step` is from each value to the next. */
static int
set_entries(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t n, uint32_t value, uint32_t step)
{
	int err = tables_full(x->tables) ? settle(v, x) : 0;
	struct table t;
	uint8_t *p;

	for (int spare = 0; spare <= !!x->spare.len && !err; spare++) {
		err = vmdk_table(v, x, (uint32_t)(off / vmdk_reach(x)), spare, &t);
		if (!err)
			err = tables_at(x->tables, t, off % vmdk_reach(x) / x->grain * 4, &p);
		for (uint64_t k = 0; k < n && !err; k++)
			put_le32(p + k * 4, value + (uint32_t)k * step);
		if (!err)
			tables_changed(x->tables);
	}
	return err;
}

/* Adds grains, whole ones of one table; NULL: of zeroes. */
static int
add_grains(struct vmdk *v, struct vmdk_extent *x, const void *grains, uint64_t n, uint64_t off)
{
	int err = make_tables(v, x, (uint32_t)(off / vmdk_reach(x)));
	uint64_t at = align_up(x->end, x->grain), len = n * x->grain;

	if (err)
		return err;
	if ((at + len) / VMDK_SECTOR > UINT32_MAX)
		return -EFBIG;
	err = grains ? file_write(x->file, grains, len, at) : file_zero(x->file, at, len, true);
	if (err)
		return err;
	x->end = at + len;
	return set_entries(v, x, off, n, (uint32_t)(at / VMDK_SECTOR), x->grain / VMDK_SECTOR);
}

/* As many of *len bytes as can be done at once, NULL: zeroes, to where no grain is yet. */
static int
write_new(struct vmdk *v, struct vmdk_extent *x, const void *buf, uint64_t *len, uint64_t off)
{
	uint64_t skip = off % x->grain;
	uint8_t *grain;
	int err;

	if (!skip && *len >= x->grain) {
		*len = align_down(*len, x->grain);
		return add_grains(v, x, buf, *len / x->grain, off);
	}
	*len = min_u64(*len, x->grain - skip);
	grain = vmdk_compose(v, x, buf, *len, off, &err);
	if (grain)
		err = add_grains(v, x, grain, 1, off - skip);
	free(grain);
	return err;
}

static int
write_sparse(struct vmdk *v, struct vmdk_extent *x, const uint8_t *buf, uint64_t len, uint64_t off)
{
	struct extent e;
	int err = 0;

	for (uint64_t n; len && !err; buf += n, off += n, len -= n) {
		e = (struct extent){.at = x->at + off};
		err = vmdk_sparse_map(v, x, off, len, &e);
		if (err)
			break;
		n = min_u64(len, e.len);
		err = e.kind == EXTENT_DATA ? file_write(x->file, buf, n, e.off) : write_new(v, x, buf, &n, off);
	}
	return err;
}

static int
zero_sparse(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len, unsigned flags)
{
	struct extent e;
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		e = (struct extent){.at = x->at + off};
		err = vmdk_sparse_map(v, x, off, len, &e);
		if (err)
			break;
		n = min_u64(len, e.len);
		if (e.kind == EXTENT_DATA)
			err = file_zero(x->file, e.off, n, flags & ZERO_UNMAP);
		else if (e.kind == EXTENT_HOLE && v->image.backing && x->zero_grains && off % x->grain == 0 && n >= x->grain) {
			n = align_down(n, x->grain);
			err = make_tables(v, x, (uint32_t)(off / vmdk_reach(x)));
			if (!err)
				err = set_entries(v, x, off, n / x->grain, 1, 0);
		} else if (e.kind == EXTENT_HOLE && v->image.backing)
			err = write_new(v, x, NULL, &n, off);
	}
	return err;
}

/* Grains stay where they are, to be used again. */
static int
discard_sparse(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len)
{
	struct extent e;
	int err = 0;

	for (uint64_t n; len && !err && !x->packed; off += n, len -= n) {
		e = (struct extent){.at = x->at + off};
		err = vmdk_sparse_map(v, x, off, len, &e);
		if (err)
			break;
		n = min_u64(len, e.len);
		if (e.kind == EXTENT_DATA)
			err = file_discard(x->file, e.off, n);
	}
	return err;
}

/* The extent of a change, which may be made. */
static int
begin(struct vmdk *v, uint64_t off, uint64_t *len, struct vmdk_extent **x)
{
	*x = vmdk_find(v, off, len);
	return (*x)->kind == VMDK_ZERO || (*x)->fixed ? -EROFS : touch(v);
}

int
vmdk_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	struct vmdk *v = vmdk_of(i);
	struct vmdk_extent *x;
	int err = 0;

	for (uint64_t n; len && !err; buf = (const uint8_t *)buf + n, off += n, len -= n) {
		n = len;
		err = begin(v, off, &n, &x);
		if (err)
			break;
		if (x->kind == VMDK_FLAT)
			err = file_write(x->file, buf, n, x->flat + off - x->at);
		else if (x->packed)
			err = vmdk_stream_write(v, x, buf, n, off - x->at);
		else
			err = write_sparse(v, x, buf, n, off - x->at);
	}
	return err;
}

int
vmdk_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	struct vmdk *v = vmdk_of(i);
	struct vmdk_extent *x;
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = len;
		err = begin(v, off, &n, &x);
		if (err)
			break;
		if (x->kind == VMDK_FLAT)
			err = file_zero(x->file, x->flat + off - x->at, n, flags & ZERO_UNMAP);
		else if (x->packed)
			err = vmdk_stream_zero(v, x, off - x->at, n);
		else
			err = zero_sparse(v, x, off - x->at, n, flags);
	}
	return err;
}

int
vmdk_discard(struct image *i, uint64_t off, uint64_t len)
{
	struct vmdk *v = vmdk_of(i);
	struct vmdk_extent *x;
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = len;
		err = begin(v, off, &n, &x);
		if (err)
			break;
		err = x->kind == VMDK_FLAT ? file_discard(x->file, x->flat + off - x->at, n) :
					     discard_sparse(v, x, off - x->at, n);
	}
	return err;
}

int
vmdk_write_packed(struct image *i, const void *packed, size_t len, uint64_t off)
{
	struct vmdk *v = vmdk_of(i);
	struct vmdk_extent *x;
	uint64_t n = 1;
	int err;

	if (i->pack == PACK_NONE)
		return -ENOTSUP;
	err = off % i->cluster_size ? -EINVAL : begin(v, off, &n, &x);
	return err ? err : vmdk_stream_append(v, x, packed, len, off - x->at);
}
