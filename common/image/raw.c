/* SPDX-License-Identifier: ISC */
/* Raw images: the bytes of the disk are the bytes of the file. A block device is one too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"

static struct image *
raw_open(const struct image_open *how, struct why *w)
{
	struct image *i = calloc(1, sizeof(*i));

	if (!i) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	/* Disks are whole sectors; what is missing of the last one reads as zeroes. */
	i->size = min_u64(align_up(how->file->size, 512), IMAGE_SIZE_MAX);
	return i;
}

static void
raw_close(struct image *i)
{
	free(i);
}

static int
raw_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	bool hole;

	e->len = len;
	e->file = i->file;
	e->off = off;
	int err = file_extent(i->file, off, &e->len, &hole);
	e->kind = hole ? EXTENT_ZERO : EXTENT_DATA;
	e->in_place = !hole;
	return err;
}

static int
raw_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	return file_write(i->file, buf, len, off);
}

static int
raw_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	return file_zero(i->file, off, len, flags & ZERO_UNMAP);
}

static int
raw_discard(struct image *i, uint64_t off, uint64_t len)
{
	return file_discard(i->file, off, len);
}

/* Space for [from, to), as `preallocation` says. */
static const char *
preallocate(struct file *f, uint64_t from, uint64_t to, const char *how, struct why *w)
{
	int err = 0;

	if (!how || !strcmp(how, "off") || to <= from)
		return NULL;
	if (!strcmp(how, "falloc"))
		err = file_reserve(f, from, to - from);
	else if (!strcmp(how, "full"))
		err = file_zero(f, from, to - from, false);
	else
		return why(w, "preallocation of a raw image is off, falloc or full, not %s", how);
	return err ? why(w, "preallocation: %s", strerror(-err)) : NULL;
}

static const char *
raw_resize(struct image *i, uint64_t size, const char *preallocation, struct why *w)
{
	uint64_t old = i->size;
	int err = file_truncate(i->file, size);
	const char *no;

	if (err)
		return why(w, "%s", strerror(-err));
	no = preallocate(i->file, old, size, preallocation, w);
	if (no)
		file_truncate(i->file, old); /* longer by then */
	else
		i->size = size;
	return no;
}

static const struct image_option options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"preallocation", OPTION_STRING, "off, falloc (reserved), full (written)", false},
	{NULL, 0, NULL, false},
};

static const char *
raw_create(const struct image_create *c, struct why *w)
{
	const struct image_setting *s = image_setting(c, "preallocation");
	int err;

	if (c->backing_name)
		return why(w, "a raw image has no backing image");
	err = file_truncate(c->file, c->size);
	if (err)
		return why(w, "%s", strerror(-err));
	return preallocate(c->file, 0, c->size, s ? s->text : NULL, w);
}

const struct format format_raw = {
	.name = "raw",
	.options = options,
	.open = raw_open,
	.close = raw_close,
	.create = raw_create,
	.map = raw_map,
	.write = raw_write,
	.zero = raw_zero,
	.discard = raw_discard,
	.resize = raw_resize,
};
