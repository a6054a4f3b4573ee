/* SPDX-License-Identifier: ISC */
/*
 * Parallels' expanding images, read only: clusters of any number of sectors and one map of them (the BAT), whose entries count
 * sectors under the old magic, clusters under the new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/report.h"
#include "common/image/table.h"
#include "common/util.h"

#define MAGIC_OLD "WithoutFreeSpace"
#define MAGIC_NEW "WithouFreSpacExt"
#define VERSION_2 2
#define IN_USE 0x746f6e59u
#define CLUSTER_MAX (INT32_MAX / 513) /* sectors: QEMU's limit */

/* The header; numbers are little-endian. */
enum {
	AT_VERSION = 16,
	AT_CLUSTER = 28, /* "tracks": sectors */
	AT_ENTRIES = 32,
	AT_SECTORS = 36, /* of the disk, 64 bits; under the old magic 32 */
	AT_IN_USE = 44,
	AT_DATA = 48, /* a sector; 0: behind the map */
	HEADER = 64,
};

struct parallels {
	struct image image;
	struct tables *tables;
	struct table map;
	uint32_t entries;
	uint32_t unit; /* what an entry counts, bytes */
	uint64_t data;
	bool in_use;
};

static struct parallels *
parallels_of(struct image *i)
{
	return container_of(i, struct parallels, image);
}

static bool
parallels_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= HEADER && (!memcmp(head, MAGIC_OLD, 16) || !memcmp(head, MAGIC_NEW, 16)) &&
	    get_le32(head + AT_VERSION) == VERSION_2;
}

static const char *
look(struct parallels *p, const uint8_t *h, const struct file *f, struct why *w)
{
	bool old = !memcmp(h, MAGIC_OLD, 16);
	uint32_t cluster = get_le32(h + AT_CLUSTER);
	uint64_t sectors = old ? get_le32(h + AT_SECTORS) : get_le64(h + AT_SECTORS);

	if (!parallels_probe(h, HEADER, NULL))
		return why(w, "not a Parallels image of version 2");
	if (!cluster || cluster > CLUSTER_MAX)
		return why(w, "clusters of %u sectors", cluster);
	if (sectors > IMAGE_SIZE_MAX / 512)
		return why(w, "the disk is too large: %llu sectors", (unsigned long long)sectors);
	p->entries = get_le32(h + AT_ENTRIES);
	p->map = (struct table){HEADER, (uint64_t)p->entries * 4};
	if (!range_within(p->map.start, p->map.len, f->size))
		return why(w, "the map of %u clusters ends beyond the file", p->entries);
	p->image.cluster_size = cluster * 512;
	p->image.size = sectors * 512;
	p->unit = old ? 512 : cluster * 512;
	p->data = get_le32(h + AT_DATA) * 512ull;
	if (!p->data)
		p->data = align_up(p->map.start + p->map.len, 512);
	p->in_use = p->image.dirty = get_le32(h + AT_IN_USE) == IN_USE;
	return NULL;
}

static struct image *
parallels_open(const struct image_open *how, struct why *w)
{
	struct parallels *p = calloc(1, sizeof(*p));
	struct tables *t = tables_new(how->file, NULL, NULL);
	uint8_t h[HEADER];
	int err = p && t ? file_read(how->file, h, sizeof(h), 0) : -ENOMEM;

	if (err)
		why(w, "%s", strerror(-err));
	else if (!look(p, h, how->file, w)) {
		p->tables = t;
		return &p->image;
	}
	tables_free(t);
	free(p);
	return NULL;
}

static void
parallels_close(struct image *i)
{
	tables_free(parallels_of(i)->tables);
	free(parallels_of(i));
}

/* Where a cluster of the disk is in the file; 0: nowhere. Less than 2^63, as CLUSTER_MAX bounds what an entry counts. */
static int
place_of(struct parallels *p, uint64_t cluster, uint64_t *place)
{
	uint8_t *entry;
	int err;

	*place = 0;
	if (cluster >= p->entries) /* a map may be shorter than the disk */
		return 0;
	err = tables_at(p->tables, p->map, cluster * 4, &entry);
	if (!err)
		*place = (uint64_t)get_le32(entry) * p->unit;
	return err;
}

static int
parallels_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct parallels *p = parallels_of(i);
	uint64_t cluster = off / i->cluster_size, place, next;
	bool hole;
	int err = place_of(p, cluster, &place);

	e->kind = EXTENT_HOLE;
	if (!err && cluster >= p->entries)
		return 0;
	e->len = i->cluster_size - off % i->cluster_size;
	while (!err && e->len < len && cluster + 1 < p->entries) {
		err = place_of(p, ++cluster, &next);
		if (next != (place ? place + (off % i->cluster_size + e->len) : 0))
			break;
		e->len += i->cluster_size;
	}
	if (err || !place)
		return err;
	if (place >= i->file->size)
		return image_fault(i, "cluster %llu lies beyond the file", (unsigned long long)(off / i->cluster_size));
	e->len = min_u64(e->len, len);
	e->file = i->file;
	e->off = place + off % i->cluster_size;
	e->allocated = true;
	err = file_extent(i->file, e->off, &e->len, &hole);
	e->kind = hole ? EXTENT_ZERO : EXTENT_DATA;
	return err;
}

static int
check_map(struct parallels *p, struct image_check *c)
{
	uint64_t place, before = 0;
	int err = 0;

	c->end = p->data;
	for (uint32_t n = 0; n < p->entries && !err; n++, before = place) {
		err = place_of(p, n, &place);
		if (err || !place)
			continue;
		if (place > p->image.file->size) {
			report(c, &c->errors, "ERROR cluster %u is outside image", n);
			continue;
		}
		c->allocated++;
		c->fragmented += before && before + p->image.cluster_size != place;
		if (c->end < place + p->image.cluster_size)
			c->end = place + p->image.cluster_size;
	}
	return err;
}

static const char *
parallels_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct parallels *p = parallels_of(i);
	uint64_t left;
	int err;

	if (fix)
		return why(w, "Parallels images are not repaired");
	if (p->in_use)
		report(c, &c->errors, "ERROR image was not closed correctly");
	err = check_map(p, c);
	if (err)
		return why(w, "%s", strerror(-err));
	c->stats = true;
	c->total = p->entries;
	if (i->file->size <= c->end)
		return NULL;
	left = i->file->size - c->end;
	report(c, &c->leaks, "ERROR space leaked at the end of the image %llu", (unsigned long long)left);
	c->leaks += (left - 1) / i->cluster_size;
	return NULL;
}

const struct format format_parallels = {
	.name = "parallels",
	.probe = parallels_probe,
	.open = parallels_open,
	.close = parallels_close,
	.map = parallels_map,
	.check = parallels_check,
};
