/* SPDX-License-Identifier: ISC */
/* Compressed loop images of version 2, read only: blocks of one size, each a zlib stream, and where each begins in the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/table.h"
#include "common/image/unpack.h"
#include "common/util.h"

#define MAGIC "#!/bin/sh\n#V2.0 Format\n" /* of a script, whose rest differs */

/* Numbers are big-endian. */
enum {
	AT_BLOCK_SIZE = 128,
	AT_BLOCKS = 132,
	HEADER = 136, /* then 64 bits for each block and one more for the end of the last */
};

struct cloop {
	struct image image;
	struct tables *tables;
	struct table offsets;
	uint32_t block;
};

static struct cloop *
cloop_of(struct image *i)
{
	return container_of(i, struct cloop, image);
}

static bool
cloop_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= HEADER && !memcmp(head, MAGIC, sizeof(MAGIC) - 1);
}

static const char *
look(struct cloop *c, const uint8_t *h, const struct file *f, struct why *w)
{
	uint32_t blocks = get_be32(h + AT_BLOCKS);

	c->block = get_be32(h + AT_BLOCK_SIZE);
	if (!c->block || c->block % 512 || c->block > UNIT_MAX)
		return why(w, "blocks of %u bytes, which is none of the multiples of 512 up to 64 MiB", c->block);
	c->offsets = (struct table){HEADER, (blocks + 1ull) * 8};
	if (!range_within(c->offsets.start, c->offsets.len, f->size))
		return why(w, "the offsets of %u blocks end beyond the file", blocks);
	c->image.size = (uint64_t)blocks * c->block;
	return NULL;
}

static struct image *
cloop_open(const struct image_open *how, struct why *w)
{
	struct cloop *c = calloc(1, sizeof(*c));
	struct tables *t = tables_new(how->file, NULL, NULL);
	uint8_t h[HEADER];
	int err = c && t ? file_read(how->file, h, sizeof(h), 0) : -ENOMEM;

	if (err)
		why(w, "%s", strerror(-err));
	else if (!look(c, h, how->file, w)) {
		c->tables = t;
		return &c->image;
	}
	tables_free(t);
	free(c);
	return NULL;
}

static void
cloop_close(struct image *i)
{
	tables_free(cloop_of(i)->tables);
	free(cloop_of(i));
}

static int
offset_of(struct cloop *c, uint64_t block, uint64_t *off)
{
	uint8_t *p;
	int err = tables_at(c->tables, c->offsets, block * 8, &p);

	if (!err)
		*off = get_be64(p);
	return err;
}

static int
cloop_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct cloop *c = cloop_of(i);
	uint64_t block = off / c->block, from, to;
	int err = offset_of(c, block, &from);

	(void)len;
	if (!err)
		err = offset_of(c, block + 1, &to);
	if (err)
		return err;
	if (from >= to || to - from > UNIT_MAX || to > i->file->size)
		return image_fault(i, "block %llu is said to be from %llu to %llu", (unsigned long long)block,
		    (unsigned long long)from, (unsigned long long)to);
	e->kind = EXTENT_PACKED;
	e->unit_at = block * c->block;
	e->unit_len = c->block;
	e->packed_len = (uint32_t)(to - from);
	e->len = e->unit_at + e->unit_len - off;
	e->file = i->file;
	e->off = from;
	return 0;
}

static int
cloop_unpack(const struct extent *e, void *unit, struct unpacker *u)
{
	uint8_t *packed = unpacker_room(u, e->packed_len);
	int err = packed ? file_read(e->file, packed, e->packed_len, e->off) : -ENOMEM;

	return err ? err : unpack_zlib(u, packed, e->packed_len, unit, e->unit_len);
}

const struct format format_cloop = {
	.name = "cloop",
	.probe = cloop_probe,
	.open = cloop_open,
	.close = cloop_close,
	.map = cloop_map,
	.unpack = cloop_unpack,
};
