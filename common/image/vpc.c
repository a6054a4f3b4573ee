/* SPDX-License-Identifier: ISC */
/*
 * VHD images: fixed ones, the disk and a footer after it; dynamic ones, a table (BAT) of blocks, each with a bitmap of its
 * sectors before it. Blocks are added where the footer is, which moves on; the BAT is written when they are on disk, so
 * that an interruption leaves blocks that nothing refers to. Until the footer is whole again its copy at 0 serves.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/table.h"
#include "common/image/vpc.h"

struct vpc {
	struct image image;
	uint8_t footer[FOOTER_LEN];
	bool fixed;
	uint32_t block, bitmap; /* bytes */
	struct table bat;
	struct tables *tables;
	uint64_t end;		/* of the last block: where the footer is, and the next block will be */
	uint64_t bitmap_full;	/* offset of a block's bitmap that is known to have all bits; 0: none */
};

static struct vpc *
vpc_of(struct image *i)
{
	return (struct vpc *)i;
}

uint32_t
vpc_sum(const uint8_t *p, size_t n, size_t at)
{
	uint32_t sum = 0;

	for (size_t b = 0; b < n; b++)
		if (b < at || b >= at + 4)
			sum += p[b];
	return ~sum;
}

static bool
is_footer(const uint8_t *p)
{
	return !memcmp(p + FOOTER_COOKIE, "conectix", 8);
}

static bool
vpc_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f; /* fixed disks look like raw ones, and may hold anything at their end: they have to be named */
	return n >= FOOTER_LEN && is_footer(head);
}

/* The footer, from the end, or (if it is not that of a fixed disk) its copy. A guest writes the beginning of a fixed disk. */
static const char *
read_footer(struct vpc *v, struct file *f, struct why *w)
{
	uint8_t last[FOOTER_LEN];
	int err;

	if (f->size < FOOTER_LEN)
		return why(w, "no VHD image: it is too short");
	err = file_read(f, last, FOOTER_LEN, f->size - FOOTER_LEN);
	if (!err)
		err = file_read(f, v->footer, FOOTER_LEN, 0);
	if (err)
		return why(w, "%s", strerror(-err));
	v->fixed = is_footer(last) && get_be32(last + FOOTER_TYPE) == VPC_FIXED;
	if (v->fixed)
		memcpy(v->footer, last, FOOTER_LEN);
	if (!is_footer(v->footer))
		return why(w, "no VHD image: it has no footer");
	if (get_be32(v->footer + FOOTER_SUM) != vpc_sum(v->footer, FOOTER_LEN, FOOTER_SUM))
		return why(w, "the footer's checksum is wrong");
	if (get_be32(v->footer + FOOTER_TYPE) == VPC_DIFFERENCING)
		return why(w, "differencing VHD images are not supported");
	if (!v->fixed && get_be32(v->footer + FOOTER_TYPE) != VPC_DYNAMIC)
		return why(w, "unknown type %u of VHD image", get_be32(v->footer + FOOTER_TYPE));
	return NULL;
}

/*
 * Virtual PC and QEMU (without force_size) mean the geometry, which is often less than the size beside it; all others mean
 * the size. As the largest geometry holds 127 GiB only, it says nothing.
 */
static const char *
read_size(struct vpc *v, struct why *w)
{
	const uint8_t *creator = v->footer + FOOTER_CREATOR;
	uint64_t chs = (uint64_t)get_be16(v->footer + FOOTER_CYLINDERS) * v->footer[FOOTER_HEADS] * v->footer[FOOTER_SECTORS];
	uint64_t sectors = get_be64(v->footer + FOOTER_SIZE) / VPC_SECTOR;

	if (chs != VPC_GEOMETRY_MAX && (!memcmp(creator, "vpc ", 4) || !memcmp(creator, "qemu", 4)))
		sectors = chs;
	if (sectors > VPC_SECTORS_MAX)
		return why(w, "the disk is larger than the 2040 GiB that a VHD image can have");
	v->image.size = sectors * VPC_SECTOR;
	return NULL;
}

static const char *
read_dynamic(struct vpc *v, struct file *f, struct why *w)
{
	uint8_t head[DYNAMIC_LEN];
	uint64_t at = get_be64(v->footer + FOOTER_DATA_OFFSET);
	uint32_t entries;
	int err;

	if (!range_within(at, DYNAMIC_LEN, f->size))
		return why(w, "the dynamic header is not within the file");
	err = file_read(f, head, DYNAMIC_LEN, at);
	if (err)
		return why(w, "%s", strerror(-err));
	if (memcmp(head + DYNAMIC_COOKIE, "cxsparse", 8))
		return why(w, "there is no dynamic header");
	v->block = get_be32(head + DYNAMIC_BLOCK);
	if (v->block < VPC_SECTOR || v->block & (v->block - 1))
		return why(w, "the block size %u is no power of two", v->block);
	entries = get_be32(head + DYNAMIC_ENTRIES);
	if ((uint64_t)entries * v->block < v->image.size)
		return why(w, "%u blocks of %u bytes do not hold the disk", entries, v->block);
	if ((uint64_t)entries * v->block > (uint64_t)VPC_SECTORS_MAX * VPC_SECTOR + v->block)
		return why(w, "%u blocks of %u bytes are too many", entries, v->block);
	v->bitmap = (uint32_t)align_up(v->block / VPC_SECTOR / 8, VPC_SECTOR);
	v->bitmap = v->bitmap ? v->bitmap : VPC_SECTOR;
	v->bat = (struct table){get_be64(head + DYNAMIC_TABLE), (uint64_t)entries * 4};
	if (!range_within(v->bat.start, v->bat.len, f->size))
		return why(w, "the block allocation table is not within the file");
	return NULL;
}

/* Where the blocks end. All of them must be in the file: one that was cut has lost bytes. */
static const char *
find_end(struct vpc *v, struct file *f, struct why *w)
{
	uint64_t end = align_up(v->bat.start + v->bat.len, VPC_SECTOR);
	uint8_t part[16 << 10];
	int err = 0;

	for (uint64_t at = 0, n; at < v->bat.len && !err; at += n) {
		n = min_u64(v->bat.len - at, sizeof(part));
		err = file_read(f, part, n, v->bat.start + at);
		for (uint64_t e = 0; e < n; e += 4) {
			uint64_t block = (uint64_t)get_be32(part + e) * VPC_SECTOR;

			if (get_be32(part + e) != VPC_UNUSED && block + v->bitmap + v->block > end)
				end = block + v->bitmap + v->block;
		}
	}
	if (err)
		return why(w, "%s", strerror(-err));
	if (end > f->size)
		return why(w, "the file was cut: its blocks end at %llu", (unsigned long long)end);
	/* Nor may what an interruption left after them become part of a new block, which has to be zeroes. */
	v->end = end + FOOTER_LEN >= f->size ? end : align_up(f->size, VPC_SECTOR);
	return NULL;
}

static const char *
vpc_load(struct vpc *v, struct file *f, struct why *w)
{
	const char *reason = read_footer(v, f, w);

	if (!reason)
		reason = read_size(v, w);
	if (!reason && v->fixed)
		return v->image.size <= f->size - FOOTER_LEN ? NULL : why(w, "the file was cut: the disk does not fit in it");
	if (!reason)
		reason = read_dynamic(v, f, w);
	if (!reason)
		reason = find_end(v, f, w);
	if (reason)
		return reason;
	v->image.cluster_size = v->block;
	v->tables = tables_new(f, NULL, NULL);
	return v->tables ? NULL : why(w, "%s", strerror(ENOMEM));
}

static void
vpc_close(struct image *i)
{
	tables_free(vpc_of(i)->tables);
	free(i);
}

static struct image *
vpc_open(const struct image_open *how, struct why *w)
{
	struct vpc *v = calloc(1, sizeof(*v));

	if (!v) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!vpc_load(v, how->file, w))
		return &v->image;
	vpc_close(&v->image);
	return NULL;
}

/* Where the block with the disk's byte `off` begins in the file; 0: nowhere. */
static int
block_at(struct vpc *v, uint64_t off, uint64_t *block)
{
	uint64_t first = align_up(v->bat.start + v->bat.len, VPC_SECTOR);
	uint8_t *entry;
	int err = tables_at(v->tables, v->bat, off / v->block * 4, &entry);

	if (err)
		return err;
	*block = get_be32(entry) == VPC_UNUSED ? 0 : (uint64_t)get_be32(entry) * VPC_SECTOR;
	if (!*block || *block >= first)
		return 0;
	return image_fault(&v->image, "block %llu lies on the block allocation table", (unsigned long long)(off / v->block));
}

static int
map_dynamic(struct vpc *v, uint64_t off, uint64_t len, struct extent *e)
{
	uint64_t block, next, in = off & (v->block - 1), n = v->block - in;
	int err = block_at(v, off, &block);

	if (err)
		return err;
	e->len = min_u64(n, len);
	e->kind = EXTENT_HOLE;
	if (block) {
		e->kind = EXTENT_DATA;
		e->file = v->image.file;
		e->off = block + v->bitmap + in;
		return 0;
	}
	for (; n < len && !(err = block_at(v, off + n, &next)) && !next; n += v->block)
		e->len = min_u64(n + v->block, len);
	return err;
}

static int
vpc_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	bool hole;
	int err;

	if (!vpc_of(i)->fixed)
		return map_dynamic(vpc_of(i), off, len, e);
	e->file = i->file;
	e->off = off;
	err = file_extent(i->file, off, &e->len, &hole);
	e->kind = hole ? EXTENT_ZERO : EXTENT_DATA;
	e->in_place = !hole;
	return err;
}

/* Sectors without their bit in the bitmap are not there for those who look: QEMU does not, Virtual PC does. */
static int
fill_bitmap(struct vpc *v, uint64_t block)
{
	uint8_t bits[4096], full[4096];
	int err = 0;

	if (block == v->bitmap_full)
		return 0;
	memset(full, 0xff, sizeof(full));
	for (uint64_t at = 0, n; at < v->bitmap && !err; at += n) {
		n = min_u64(v->bitmap - at, sizeof(bits));
		err = file_read(v->image.file, bits, n, block + at);
		if (!err && memcmp(bits, full, n))
			err = file_write(v->image.file, full, n, block + at);
	}
	if (!err)
		v->bitmap_full = block;
	return err;
}

/* A block of zeroes in the place of the footer, which goes behind it, for the disk's byte `off`. */
static int
add_block(struct vpc *v, uint64_t off, uint64_t *block)
{
	uint64_t end = v->end + v->bitmap + v->block;
	uint8_t *entry;
	int err;

	if (v->end / VPC_SECTOR >= VPC_UNUSED)
		return -EFBIG;
	err = file_write(v->image.file, v->footer, FOOTER_LEN, end);
	if (!err)
		err = fill_bitmap(v, v->end);
	if (!err)
		err = tables_at(v->tables, v->bat, off / v->block * 4, &entry);
	if (err)
		return err;
	put_be32(entry, (uint32_t)(v->end / VPC_SECTOR));
	tables_changed(v->tables);
	*block = v->end;
	v->end = end;
	return 0;
}

/* The BAT refers to new blocks only once they are on disk. */
static int
vpc_flush(struct image *i)
{
	struct vpc *v = vpc_of(i);
	int err = file_flush(i->file);

	if (err || v->fixed || !tables_dirty(v->tables))
		return err;
	err = tables_write(v->tables, NULL, NULL);
	return err ? err : file_flush(i->file);
}

static int
write_block(struct vpc *v, const void *buf, size_t len, uint64_t off)
{
	uint64_t block;
	int err = tables_full(v->tables) ? vpc_flush(&v->image) : 0;

	if (!err)
		err = block_at(v, off, &block);
	if (!err)
		err = block ? fill_bitmap(v, block) : add_block(v, off, &block);
	return err ? err : file_write(v->image.file, buf, len, block + v->bitmap + (off & (v->block - 1)));
}

static int
vpc_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	struct vpc *v = vpc_of(i);
	int err = 0;

	if (v->fixed)
		return file_write(i->file, buf, len, off);
	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, v->block - (off & (v->block - 1)));
		err = write_block(v, buf, n, off);
		buf = (const uint8_t *)buf + n;
	}
	return err;
}

/* What has no block reads as zeroes already; blocks stay, and may become holes in the file. */
static int
change_blocks(struct vpc *v, uint64_t off, uint64_t len, bool zero, bool unmap)
{
	struct file *f = v->image.file;
	struct extent e;
	int err = 0;

	for (; len && !err; off += e.len, len -= e.len) {
		e.len = len;
		err = vpc_map(&v->image, off, len, &e);
		if (!err && e.kind == EXTENT_DATA)
			err = zero ? file_zero(f, e.off, e.len, unmap) : file_discard(f, e.off, e.len);
	}
	return err;
}

static int
vpc_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	return change_blocks(vpc_of(i), off, len, true, flags & ZERO_UNMAP);
}

static int
vpc_discard(struct image *i, uint64_t off, uint64_t len)
{
	return change_blocks(vpc_of(i), off, len, false, true);
}

static const struct image_option options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"subformat", OPTION_STRING, "dynamic (the default) or fixed", false},
	{"force_size", OPTION_BOOL, "exactly this size, not one that a geometry has", false},
	{NULL, 0, NULL, false},
};

const struct format format_vpc = {
	.name = "vpc",
	.options = options,
	.probe = vpc_probe,
	.open = vpc_open,
	.close = vpc_close,
	.create = vpc_create,
	.map = vpc_map,
	.write = vpc_write,
	.zero = vpc_zero,
	.discard = vpc_discard,
	.flush = vpc_flush,
};
