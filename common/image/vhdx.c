/* SPDX-License-Identifier: ISC */
/* VHDX images: the blocks of the disk. New ones come at the file's end; the BAT is changed when they are on disk. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/vhdx.h"

#define ENTRY 8

static bool
vhdx_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= 8 && !memcmp(head, "vhdxfile", 8);
}

static void
vhdx_close(struct image *i)
{
	struct vhdx *v = vhdx_of(i);

	tables_free(v->tables);
	vhdx_log_drop(v);
	free(v->entry);
	free(v);
}

static struct image *
vhdx_open(const struct image_open *how, struct why *w)
{
	struct vhdx *v = calloc(1, sizeof(*v));

	if (!v) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!vhdx_load(v, how, w))
		return &v->image;
	vhdx_close(&v->image);
	return NULL;
}

/* After the entries of `ratio` blocks comes that of a bitmap of sectors, which only differencing disks have (2.5.1). */
static uint64_t
entry_at(const struct vhdx *v, uint64_t n)
{
	return (n + n / v->ratio) * ENTRY;
}

int
vhdx_entry(struct vhdx *v, uint64_t n, uint64_t *entry)
{
	uint8_t *p;
	int err = tables_at(v->tables, v->bat, entry_at(v, n), &p);

	if (!err)
		*entry = get_le64(p);
	return err;
}

static int
set_entry(struct vhdx *v, uint64_t n, uint64_t entry)
{
	uint8_t *p;
	int err = tables_at(v->tables, v->bat, entry_at(v, n), &p);

	if (err)
		return err;
	put_le64(p, entry);
	tables_changed(v->tables);
	return 0;
}

static bool
apart(uint64_t at, uint64_t len, struct vhdx_region r)
{
	return at + len <= r.at || r.at + r.len <= at;
}

bool
vhdx_sound(const struct vhdx *v, uint64_t n, uint64_t entry)
{
	uint64_t at = BAT_AT(entry), len = min_u64(v->block, v->image.size - n * v->block);

	switch (BAT_STATE(entry)) {
	case BLOCK_PRESENT:
		return at >= VHDX_MIB && range_within(at, len, v->image.file->size) && apart(at, len, v->log) &&
		    apart(at, len, v->bat_region) && apart(at, len, v->metadata);
	case BLOCK_PARTIAL:
	case 4:
		return false;
	default:
		return true;
	}
}

static int
sound_entry(struct vhdx *v, uint64_t n, uint64_t *entry)
{
	int err = vhdx_entry(v, n, entry);

	if (err || vhdx_sound(v, n, *entry))
		return err;
	return image_fault(&v->image, "block %llu can not be as its entry says: %#llx", (unsigned long long)n,
	    (unsigned long long)*entry);
}

static enum extent_kind
kind_of(uint64_t entry)
{
	switch (BAT_STATE(entry)) {
	case BLOCK_PRESENT:
		return EXTENT_DATA;
	case BLOCK_NOT_PRESENT:
	case BLOCK_UNDEFINED:
		return EXTENT_HOLE;
	default:
		return EXTENT_ZERO;
	}
}

static int
vhdx_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct vhdx *v = vhdx_of(i);
	uint64_t n = off / v->block, first, next;
	int err = sound_entry(v, n, &first);

	if (err)
		return err;
	e->kind = kind_of(first);
	e->len = v->block - off % v->block;
	if (e->kind == EXTENT_DATA) {
		e->file = i->file;
		e->off = BAT_AT(first) + off % v->block;
		e->in_place = v->begun;
	}
	for (uint64_t k = n + 1; e->len < len; k++, e->len += v->block) {
		if (sound_entry(v, k, &next) || kind_of(next) != e->kind)
			break;
		if (e->kind == EXTENT_DATA && BAT_AT(next) != BAT_AT(first) + (k - n) * v->block)
			break;
	}
	return 0;
}

/* Before the first write, the file and the disk get new GUIDs; twice, so that the older header is no trap (2.2.2.1). */
static int
begin(struct vhdx *v)
{
	int err = 0;

	if (v->begun)
		return 0;
	if (!vhdx_guid(v->header + HEADER_FILE_GUID) || !vhdx_guid(v->header + HEADER_DATA_GUID))
		return -EIO;
	for (unsigned n = 0; n < 2 && !err; n++)
		err = vhdx_write_header(v, v->image.file);
	v->begun = !err;
	return err;
}

static int
vhdx_flush(struct image *i)
{
	struct vhdx *v = vhdx_of(i);
	int err = file_flush(i->file);

	return err || !tables_dirty(v->tables) ? err : vhdx_log_write(v);
}

/* A block of zeroes at the end of the file. */
static int
add_block(struct vhdx *v, uint64_t n, uint64_t *entry)
{
	uint64_t at = align_up(v->image.file->size, VHDX_MIB);
	int err = tables_full(v->tables) ? vhdx_flush(&v->image) : 0;

	if (!err)
		err = file_truncate(v->image.file, at + v->block);
	*entry = at | BLOCK_PRESENT;
	return err ? err : set_entry(v, n, *entry);
}

static int
write_block(struct vhdx *v, const void *buf, size_t len, uint64_t off)
{
	uint64_t n = off / v->block, entry;
	int err = sound_entry(v, n, &entry);

	if (!err && BAT_STATE(entry) != BLOCK_PRESENT)
		err = add_block(v, n, &entry);
	return err ? err : file_write(v->image.file, buf, len, BAT_AT(entry) + off % v->block);
}

static int
vhdx_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	struct vhdx *v = vhdx_of(i);
	int err = begin(v);

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, v->block - off % v->block);
		err = write_block(v, buf, n, off);
		buf = (const uint8_t *)buf + n;
	}
	return err;
}

/* What has no block reads as zeroes already; blocks stay, and may become holes in the file. */
static int
change_blocks(struct vhdx *v, uint64_t off, uint64_t len, bool zero, bool unmap)
{
	struct file *f = v->image.file;
	struct extent e = {0};
	int err = begin(v);

	for (; len && !err; off += e.len, len -= e.len) {
		err = vhdx_map(&v->image, off, len, &e);
		e.len = min_u64(e.len, len);
		if (!err && e.kind == EXTENT_DATA)
			err = zero ? file_zero(f, e.off, e.len, unmap) : file_discard(f, e.off, e.len);
	}
	return err;
}

static int
vhdx_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	return change_blocks(vhdx_of(i), off, len, true, flags & ZERO_UNMAP);
}

static int
vhdx_discard(struct image *i, uint64_t off, uint64_t len)
{
	return change_blocks(vhdx_of(i), off, len, false, true);
}

static const struct image_option options[] = {
	{"size", OPTION_SIZE, "virtual disk size, at most 64T", false},
	{"subformat", OPTION_STRING, "dynamic (the default) or fixed", false},
	{"block_size", OPTION_SIZE, "1M to 256M; 0, or not given: as the disk's size suggests", false},
	{"block_state_zero", OPTION_BOOL, "new blocks are said to be zero (the default), not absent", false},
	{"log_size", OPTION_SIZE, "of the log: 1M, or more", false},
	{NULL, 0, NULL, false},
};

const struct format format_vhdx = {
	.name = "vhdx",
	.options = options,
	.probe = vhdx_probe,
	.open = vhdx_open,
	.close = vhdx_close,
	.create = vhdx_create,
	.map = vhdx_map,
	.write = vhdx_write,
	.zero = vhdx_zero,
	.discard = vhdx_discard,
	.flush = vhdx_flush,
	.check = vhdx_check,
};
