/* SPDX-License-Identifier: ISC */
/* What all formats have in common: the checks before a call, the chain, the ways to read an extent. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/image.h"
#include "common/image/unpack.h"

struct image *
image_open(const struct format *format, const struct image_open *how, struct why *w)
{
	struct image *i;

	if (how->flags & IMAGE_WRITE && how->file->read_only) {
		file_close(how->file);
		why(w, "%s", strerror(EROFS));
		return NULL;
	}
	how->file->unsafe |= how->flags & IMAGE_UNSAFE;
	i = format->open(how, w);
	if (!i) {
		file_close(how->file);
		return NULL;
	}
	i->format = format;
	i->file = how->file;
	i->read_only = !(how->flags & IMAGE_WRITE);
	return i;
}

int
image_close(struct image *i)
{
	int err = 0, below;

	if (!i)
		return 0;
	if (!i->read_only)
		err = image_flush(i);
	below = image_close(i->backing);
	unpacker_free(i->unpacker);
	free(i->backing_name);
	free(i->backing_format);
	file_close(i->file);
	i->format->close(i);
	return err ? err : below;
}

int
image_fault(struct image *i, const char *fmt, ...)
{
	va_list ap;

	if (i->fault.text[0])
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(i->fault.text, sizeof(i->fault.text), fmt, ap);
	va_end(ap);
	return -EIO;
}

int
image_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	int err;

	if (!len || !range_within(off, len, i->size))
		return -EINVAL;
	*e = (struct extent){.len = len, .image = i, .at = off};
	err = i->format->map(i, off, len, e);
	if (!err && e->len > len)
		e->len = len;
	return err;
}

int
image_map_chain(struct image *i, uint64_t off, uint64_t len, struct extent *e, unsigned *depth)
{
	unsigned layer = 0;
	int err;

	for (;; i = i->backing, layer++) {
		if (depth)
			*depth = layer;
		if (off >= i->size) { /* a backing image that is shorter than what lies on it */
			*e = (struct extent){.kind = EXTENT_ZERO, .len = len, .image = i, .at = off};
			return 0;
		}
		err = image_map(i, off, min_u64(len, i->size - off), e);
		if (err || e->kind != EXTENT_HOLE || !i->backing)
			return err;
		len = e->len;
	}
}

int
extent_load(const struct extent *e, uint64_t skip, void *buf, size_t len, struct unpacker *u)
{
	if (!range_within(skip, len, e->len))
		return -EINVAL;
	switch (e->kind) {
	case EXTENT_DATA:
		return file_read(e->file, buf, len, e->off + skip);
	case EXTENT_PACKED:
		return e->packed_len ? unpacker_load(u, e, skip, buf, len) : unpacker_decrypt(u, e, skip, buf, len);
	default:
		memset(buf, 0, len);
		return 0;
	}
}

int
image_read(struct image *i, void *buf, size_t len, uint64_t off)
{
	struct extent e;
	int err = 0;

	if (!range_within(off, len, i->size))
		return -EINVAL;
	if (!i->unpacker)
		i->unpacker = unpacker_new();
	if (!i->unpacker)
		return -ENOMEM;
	while (len && !err) {
		err = image_map_chain(i, off, len, &e, NULL);
		if (!err)
			err = extent_load(&e, 0, buf, e.len, i->unpacker);
		if (!err) {
			buf = (uint8_t *)buf + e.len;
			off += e.len;
			len -= e.len;
		}
	}
	return err;
}

/* May this range be changed? A unit that was unpacked before the change is not to be read again. */
static int
may_change(struct image *i, uint64_t off, uint64_t len, bool able)
{
	if (i->read_only)
		return -EROFS;
	if (!able)
		return -ENOTSUP;
	unpacker_forget(i->unpacker);
	return range_within(off, len, i->size) ? 0 : -EINVAL;
}

int
image_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	int err = may_change(i, off, len, i->format->write);

	return err || !len ? err : i->format->write(i, buf, len, off);
}

int
image_write_packed(struct image *i, const void *packed, size_t len, uint64_t off)
{
	int err = may_change(i, off, min_u64(i->cluster_size, i->size - min_u64(off, i->size)), i->format->write_packed);

	return err ? err : i->format->write_packed(i, packed, len, off);
}

int
image_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	int err = may_change(i, off, len, i->format->zero);

	return err || !len ? err : i->format->zero(i, off, len, flags);
}

int
image_discard(struct image *i, uint64_t off, uint64_t len)
{
	int err = may_change(i, off, len, i->format->discard);

	/* Who cannot forget keeps. */
	return err == -ENOTSUP ? 0 : err || !len ? err : i->format->discard(i, off, len);
}

int
image_flush(struct image *i)
{
	if (i->read_only)
		return 0;
	return i->format->flush ? i->format->flush(i) : file_flush(i->file);
}

const char *
image_failed(const struct image *i, int err, struct why *w)
{
	return !err ? NULL : why(w, "%s", i->fault.text[0] ? i->fault.text : strerror(-err));
}

const struct image_setting *
image_setting(const struct image_create *c, const char *name)
{
	for (size_t n = 0; n < c->nsettings; n++)
		if (!strcmp(c->settings[n].option->name, name))
			return &c->settings[n];
	return NULL;
}

uint64_t
image_number(const struct image_create *c, const char *name, uint64_t otherwise)
{
	const struct image_setting *s = image_setting(c, name);

	return s ? s->number : otherwise;
}
