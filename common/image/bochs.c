/* SPDX-License-Identifier: ISC */
/*
 * Bochs' growing disks, read only: a catalog of extents, each a bitmap of the sectors that it has and room for all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/table.h"
#include "common/util.h"

#define MAGIC "Bochs Virtual HD Image"
#define VERSION_1 0x00010000u
#define VERSION_2 0x00020000u
#define CATALOG_MAX 0x100000u /* QEMU's limits */
#define EXTENT_MAX 0x800000u
#define BITMAP_MAX 0x10000u /* many times what the largest extent needs */
#define NOWHERE UINT32_MAX

/* The header; numbers are little-endian. */
enum {
	AT_TYPE = 32,
	AT_SUBTYPE = 48,
	AT_VERSION = 64,
	AT_HEADER = 68,
	AT_CATALOG = 72, /* entries */
	AT_BITMAP = 76,	 /* bytes */
	AT_EXTENT = 80,	 /* bytes */
	AT_DISK_1 = 84,	 /* bytes, 64 bits, of version 1 */
	AT_DISK_2 = 88,
	HEADER = 512,
};

struct bochs {
	struct image image;
	struct tables *tables;
	struct table catalog;
	uint64_t data;	 /* where extents begin */
	uint32_t extent; /* bytes of the disk in one; a power of two */
	uint32_t bitmap; /* bytes before them in the file, whole sectors */
};

static struct bochs *
bochs_of(struct image *i)
{
	return container_of(i, struct bochs, image);
}

static bool
bochs_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= HEADER && !memcmp(head, MAGIC, sizeof(MAGIC)) && !memcmp(head + AT_TYPE, "Redolog", 8) &&
	    !memcmp(head + AT_SUBTYPE, "Growing", 8) &&
	    (get_le32(head + AT_VERSION) == VERSION_1 || get_le32(head + AT_VERSION) == VERSION_2);
}

static const char *
look(struct bochs *b, const uint8_t *h, const struct file *f, struct why *w)
{
	uint32_t catalog = get_le32(h + AT_CATALOG), extent = get_le32(h + AT_EXTENT), bitmap = get_le32(h + AT_BITMAP);
	uint64_t size = get_le64(h + (get_le32(h + AT_VERSION) == VERSION_1 ? AT_DISK_1 : AT_DISK_2));

	if (!bochs_probe(h, HEADER, NULL))
		return why(w, "not a growing image of Bochs");
	if (extent < 512 || extent > EXTENT_MAX || extent & (extent - 1))
		return why(w, "extents of %u bytes", extent);
	if (bitmap < (extent / 512 + 7) / 8 || bitmap > BITMAP_MAX)
		return why(w, "bitmaps of %u bytes for extents of %u", bitmap, extent);
	if (catalog > CATALOG_MAX)
		return why(w, "the catalog is too large: %u entries", catalog);
	size = align_down(size, 512);
	if (size > (uint64_t)catalog * extent)
		return why(w, "the disk is larger than its catalog of %u entries", catalog);
	b->catalog = (struct table){get_le32(h + AT_HEADER), catalog * 4ull};
	if (!range_within(b->catalog.start, b->catalog.len, f->size))
		return why(w, "the catalog ends beyond the file");
	b->data = b->catalog.start + b->catalog.len;
	b->extent = extent;
	b->bitmap = (uint32_t)align_up(bitmap, 512);
	b->image.size = size;
	return NULL;
}

static struct image *
bochs_open(const struct image_open *how, struct why *w)
{
	struct bochs *b = calloc(1, sizeof(*b));
	struct tables *t = tables_new(how->file, NULL, NULL);
	uint8_t h[HEADER];
	int err = b && t ? file_read(how->file, h, sizeof(h), 0) : -ENOMEM;

	if (err)
		why(w, "%s", strerror(-err));
	else if (!look(b, h, how->file, w)) {
		b->tables = t;
		return &b->image;
	}
	tables_free(t);
	free(b);
	return NULL;
}

static void
bochs_close(struct image *i)
{
	tables_free(bochs_of(i)->tables);
	free(bochs_of(i));
}

static int
sector_is_there(struct bochs *b, struct table bitmap, uint32_t sector, bool *there)
{
	uint8_t *byte;
	int err = tables_at(b->tables, bitmap, sector / 8, &byte);

	if (!err)
		*there = *byte >> sector % 8 & 1;
	return err;
}

static int
bochs_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct bochs *b = bochs_of(i);
	uint32_t sector = (uint32_t)(off % b->extent / 512), n = sector;
	struct table bitmap = {0, b->extent / 512 / 8 + !!(b->extent / 512 % 8)};
	bool there = false, next;
	uint8_t *entry;
	int err = tables_at(b->tables, b->catalog, off / b->extent * 4, &entry);

	if (err)
		return err;
	e->kind = EXTENT_HOLE;
	e->len = b->extent - off % b->extent;
	if (get_le32(entry) == NOWHERE)
		return 0;
	bitmap.start = b->data + (uint64_t)get_le32(entry) * (b->bitmap + b->extent);
	if (!range_within(bitmap.start, b->bitmap, i->file->size))
		return image_fault(i, "extent %llu lies beyond the file", (unsigned long long)(off / b->extent));
	len += off % 512;
	err = sector_is_there(b, bitmap, n, &there);
	for (next = there; !err && next == there && (uint64_t)(n - sector) * 512 < len && ++n < b->extent / 512;)
		err = sector_is_there(b, bitmap, n, &next);
	e->len = (n - sector) * 512ull - off % 512;
	e->file = i->file;
	e->off = bitmap.start + b->bitmap + off % b->extent;
	if (there)
		e->kind = EXTENT_DATA;
	return err;
}

const struct format format_bochs = {
	.name = "bochs",
	.probe = bochs_probe,
	.open = bochs_open,
	.close = bochs_close,
	.map = bochs_map,
};
