/* SPDX-License-Identifier: ISC */
/*
 * Apple's disk images (UDIF), read only: a list of chunks, each zero, plain or compressed on its own; dmg_tables.c finds it.
 */
#include <bzlib.h>
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/dmg.h"
#include "common/image/formats.h"
#include "common/image/unpack.h"

static int
by_sector(const void *a, const void *b)
{
	const struct dmg_chunk *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* In order, none over another. */
static const char *
sort(struct dmg *d, struct why *w)
{
	if (!d->n) /* a disk without sectors */
		return NULL;
	qsort(d->chunks, d->n, sizeof(*d->chunks), by_sector);
	for (size_t n = 1; n < d->n; n++)
		if (d->chunks[n - 1].first + d->chunks[n - 1].count > d->chunks[n].first)
			return why(w, "two chunks are of sector %llu", (unsigned long long)d->chunks[n].first);
	return NULL;
}

static bool
dmg_probe(const uint8_t *head, size_t n, struct file *f)
{
	uint8_t koly[4];

	(void)head;
	(void)n;
	return f && f->size >= DMG_KOLY && !file_read(f, koly, sizeof(koly), f->size - DMG_KOLY) && !memcmp(koly, "koly", 4);
}

static struct image *
dmg_open(const struct image_open *how, struct why *w)
{
	struct dmg *d = calloc(1, sizeof(*d));

	if (!d) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	d->any_method = how->flags & IMAGE_INFO;
	if (!dmg_tables(d, how->file, w) && !sort(d, w))
		return &d->image;
	free(d->chunks);
	free(d);
	return NULL;
}

static void
dmg_close(struct image *i)
{
	free(dmg_of(i)->chunks);
	free(dmg_of(i));
}

/* The last chunk that begins at or before the sector, or NULL. */
static const struct dmg_chunk *
chunk_at(const struct dmg *d, uint64_t sector)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->chunks[middle].first <= sector)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &d->chunks[low - 1] : NULL;
}

static int
dmg_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	const struct dmg_chunk *c = chunk_at(dmg_of(i), off / 512);

	(void)len;
	if (!c || off / 512 - c->first >= c->count)
		return image_fault(i, "sector %llu is in no chunk", (unsigned long long)(off / 512));
	e->len = (c->first + c->count) * 512 - off;
	e->kind = EXTENT_ZERO;
	if (c->type == DMG_ZERO || c->type == DMG_IGNORE)
		return 0;
	e->file = i->file;
	e->off = c->off;
	e->kind = EXTENT_DATA;
	if (c->type == DMG_RAW) {
		e->off += off - c->first * 512;
		return 0;
	}
	e->kind = EXTENT_PACKED;
	e->unit_at = c->first * 512;
	e->unit_len = (uint32_t)c->count * 512;
	e->packed_len = c->len;
	e->method = c->type;
	return 0;
}

static int
unpack_bzip2(const uint8_t *in, unsigned n_in, void *out, unsigned n_out)
{
	unsigned made = n_out;
	int err = BZ2_bzBuffToBuffDecompress(out, &made, (char *)(uintptr_t)in, n_in, 0, 0);

	if (err == BZ_MEM_ERROR)
		return -ENOMEM;
	return err == BZ_OK && made == n_out ? 0 : -EIO;
}

static int
dmg_unpack(const struct extent *e, void *unit, struct unpacker *u)
{
	uint8_t *packed = unpacker_room(u, e->packed_len);
	int err = packed ? file_read(e->file, packed, e->packed_len, e->off) : -ENOMEM;

	if (err)
		return err;
	if (e->method == DMG_ZLIB)
		return unpack_zlib(u, packed, e->packed_len, unit, e->unit_len);
	return e->method == DMG_BZIP2 ? unpack_bzip2(packed, e->packed_len, unit, e->unit_len) : -ENOTSUP;
}

const struct format format_dmg = {
	.name = "dmg",
	.probe = dmg_probe,
	.open = dmg_open,
	.close = dmg_close,
	.map = dmg_map,
	.unpack = dmg_unpack,
};
