/* SPDX-License-Identifier: ISC */
/* What can be done to bitmaps. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_bitmap_store.h"

#define GRANULARITY_BITS_MIN 9
#define GRANULARITY_BITS_MAX 31

/* A bitmap that can be used: one that was not saved tells nothing. NULL with the reason. */
static struct bitmap *
usable(struct bitmaps *b, const char *name, struct why *w)
{
	struct bitmap *m = bitmap_find(b, name);

	if (!m)
		why(w, "Dirty bitmap '%s' not found", name);
	else if (m->flags & BITMAP_IN_USE)
		why(w, "Bitmap '%s' is inconsistent and cannot be used: it was not saved; --remove deletes it", name);
	else if (m->type != BITMAP_DIRTY_TRACKING || m->flags & ~BITMAP_FLAGS_KNOWN ||
		 (m->extra_size && !(m->flags & BITMAP_EXTRA_COMPATIBLE)))
		why(w, "Bitmap '%s' is of a kind that is not known here", name);
	else
		return m;
	return NULL;
}

static int
default_bits(const struct qcow2 *q)
{
	return q->cluster_bits < 12 ? 12 : q->cluster_bits > 16 ? 16 : (int)q->cluster_bits;
}

/* Appends an empty one to the list, which has a table by bitmap_write. */
static int
append(struct bitmap_change *c, const char *name, unsigned bits, uint32_t flags, struct why *w)
{
	struct bitmaps *b = &c->bitmaps;
	struct bitmap m = {.flags = flags, .type = BITMAP_DIRTY_TRACKING, .granularity_bits = (uint8_t)bits}, *more;

	if (c->q->version < 3)
		return why(w, "Cannot store dirty bitmaps in qcow2 v2 files"), -EINVAL;
	if (bitmap_find(b, name))
		return why(w, "Bitmap already exists: %s", name), -EEXIST;
	if (!*name || strlen(name) > BITMAP_NAME_MAX)
		return why(w, "Bitmap name is empty, or longer than %d bytes", BITMAP_NAME_MAX), -EINVAL;
	if (b->n >= BITMAPS_MAX)
		return why(w, "There are %zu bitmaps already", b->n), -EINVAL;
	if (bitmap_bytes(&m, c->q->image.size) > BITMAP_BYTES_MAX)
		return why(w, "Too many bits for a bitmap: the granularity is too fine for this disk"), -EINVAL;
	more = reallocarray(b->list, b->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	b->list = more;
	m.name = strdup(name);
	m.extra = malloc(1);
	more[b->n++] = m;
	return m.name && m.extra ? 0 : -ENOMEM;
}

const char *
qcow2_bitmap_add(struct image *i, const char *name, uint64_t granularity, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	unsigned bits = granularity ? (unsigned)__builtin_ctzll(granularity) : (unsigned)default_bits(q);
	struct bitmap_change c;
	int err;

	if (granularity & (granularity - 1) || bits < GRANULARITY_BITS_MIN || bits > GRANULARITY_BITS_MAX)
		return why(w, "Granularity must be power of 2 and at least 512");
	err = bitmap_change_begin(&c, i, w);
	if (!err)
		err = append(&c, name, bits, BITMAP_AUTO, w);
	if (!err)
		err = bitmap_write(&c, &c.bitmaps.list[c.bitmaps.n - 1], NULL);
	if (!err)
		err = bitmap_change_commit(&c);
	return bitmap_change_end(&c, err, w);
}

const char *
qcow2_bitmap_remove(struct image *i, const char *name, struct why *w)
{
	struct bitmap_change c;
	int err = bitmap_change_begin(&c, i, w);
	struct bitmap *m = err ? NULL : bitmap_find(&c.bitmaps, name);

	if (!err && !m)
		err = (why(w, "Dirty bitmap '%s' not found", name), -ENOENT);
	if (!err)
		err = bitmap_drop(&c, m);
	if (!err) {
		free(m->name);
		free(m->extra);
		c.bitmaps.n--;
		memmove(m, m + 1, (size_t)(c.bitmaps.list + c.bitmaps.n - m) * sizeof(*m));
		err = bitmap_change_commit(&c);
	}
	return bitmap_change_end(&c, err, w);
}

const char *
qcow2_bitmap_clear(struct image *i, const char *name, struct why *w)
{
	struct bitmap_change c;
	int err = bitmap_change_begin(&c, i, w);
	struct bitmap *m = err ? NULL : usable(&c.bitmaps, name, w);

	if (m)
		err = bitmap_write(&c, m, NULL);
	if (m && !err)
		err = bitmap_change_commit(&c);
	return bitmap_change_end(&c, m || err ? err : -EINVAL, w);
}

const char *
qcow2_bitmap_enable(struct image *i, const char *name, bool enable, struct why *w)
{
	struct bitmap_change c;
	int err = bitmap_change_begin(&c, i, w);
	struct bitmap *m = err ? NULL : usable(&c.bitmaps, name, w);

	if (m) {
		m->flags = enable ? m->flags | BITMAP_AUTO : m->flags & ~BITMAP_AUTO;
		err = bitmap_change_commit(&c);
	}
	return bitmap_change_end(&c, m || err ? err : -EINVAL, w);
}

/* Sets bits [from, to). */
static void
set_range(uint8_t *bits, uint64_t from, uint64_t to)
{
	for (; from < to && from % 8; from++)
		bits[from / 8] |= (uint8_t)(1 << from % 8);
	if (to > from && to / 8 > from / 8) {
		memset(bits + from / 8, 0xff, to / 8 - from / 8);
		from = to / 8 * 8;
	}
	for (; from < to; from++)
		bits[from / 8] |= (uint8_t)(1 << from % 8);
}

/* All that is set in one is set in the other, whose granularity may be another. */
static void
merge_bits(uint8_t *to, unsigned to_bits, const uint8_t *from, unsigned from_bits, uint64_t size)
{
	uint64_t n = (size >> from_bits) + !!(size & ((1ULL << from_bits) - 1));

	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = i << from_bits, end = min_u64(at + (1ULL << from_bits), size);

		if (i % 8 == 0 && !from[i / 8])
			i += 7;
		else if (from[i / 8] >> i % 8 & 1)
			set_range(to, at >> to_bits, ((end - 1) >> to_bits) + 1);
	}
}

/* Bits of `from`'s bitmap, put over what m has. */
static int
merge(struct bitmap_change *c, struct bitmap *m, struct qcow2 *from, const struct bitmap *source)
{
	uint8_t *bits = NULL, *theirs = NULL;
	int err = m->table_size ? bitmap_read(c->q, m, &bits) : 0;

	if (!err && !bits)
		bits = calloc(1, bitmap_bytes(m, c->q->image.size) + 1);
	if (!err && !bits)
		err = -ENOMEM;
	if (!err)
		err = bitmap_read(from, source, &theirs);
	if (!err) {
		merge_bits(bits, m->granularity_bits, theirs, source->granularity_bits, c->q->image.size);
		err = bitmap_write(c, m, bits);
	}
	free(theirs);
	free(bits);
	return err;
}

static const char *
from_fault(struct qcow2 *from, struct why *w)
{
	return from->image.fault.text[0] ? why(w, "%s", from->image.fault.text) : w->text;
}

const char *
qcow2_bitmap_merge(struct image *i, const char *name, struct image *from, const char *source, struct why *w)
{
	struct bitmaps theirs = {0};
	struct bitmap_change c;
	int err = bitmap_change_begin(&c, i, w);
	struct bitmap *m = err ? NULL : usable(&c.bitmaps, name, w), *s = NULL;

	if (m && i->size != from->size)
		why(w, "Bitmaps are of different sizes (destination size is %llu and source size is %llu) and can't be merged",
		    (unsigned long long)i->size, (unsigned long long)from->size);
	else if (m && !bitmaps_load(&theirs, qcow2_of(from), w))
		s = usable(&theirs, source, w);
	if (s)
		err = merge(&c, m, qcow2_of(from), s);
	if (s && err)
		from_fault(qcow2_of(from), w);
	if (s && !err)
		err = bitmap_change_commit(&c);
	bitmaps_free(&theirs);
	return bitmap_change_end(&c, s || err ? err : -EINVAL, w);
}

static int
copy_one(struct bitmap_change *c, struct qcow2 *from, const struct bitmap *m, struct why *w)
{
	int err = append(c, m->name, m->granularity_bits, m->flags & BITMAP_AUTO, w);

	return err ? err : merge(c, &c->bitmaps.list[c->bitmaps.n - 1], from, m);
}

const char *
qcow2_bitmaps_copy(struct image *i, struct image *from, bool skip_broken, struct why *w)
{
	struct bitmaps theirs;
	struct bitmap_change c;
	struct why broken;
	int err = bitmap_change_begin(&c, i, w);

	if (!err)
		err = bitmaps_load(&theirs, qcow2_of(from), w);
	else
		theirs = (struct bitmaps){0};
	for (size_t k = 0; k < theirs.n && !err; k++)
		if (usable(&theirs, theirs.list[k].name, &broken))
			err = copy_one(&c, qcow2_of(from), &theirs.list[k], w);
		else if (!skip_broken)
			err = (*w = broken, -EINVAL);
	if (!err)
		err = bitmap_change_commit(&c);
	bitmaps_free(&theirs);
	return bitmap_change_end(&c, err, w);
}
