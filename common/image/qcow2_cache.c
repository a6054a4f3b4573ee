/* SPDX-License-Identifier: ISC */
/*
 * Caches of tables, by slices (qcow2_header.c tells their size). A slice that has to make room is one that was not used since
 * the clock's hand came by last.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

#define ROOM_FIRST 32

static uint32_t *
bucket(const struct qcow2 *q, struct qcow2_cache *c, uint64_t off)
{
	uint64_t hash = (off >> q->slice_bits) * 0x9e3779b97f4a7c15ULL;

	return &c->buckets[(hash >> 32) & (c->room - 1)];
}

static struct qcow2_slice *
find(const struct qcow2 *q, struct qcow2_cache *c, uint64_t off)
{
	if (!c->room)
		return NULL;
	for (uint32_t at = *bucket(q, c, off); at; at = c->slices[at - 1].next)
		if (c->slices[at - 1].off == off)
			return &c->slices[at - 1];
	return NULL;
}

static void
insert(const struct qcow2 *q, struct qcow2_cache *c, uint32_t index)
{
	uint32_t *b = bucket(q, c, c->slices[index].off);

	c->slices[index].next = *b;
	*b = index + 1;
}

static void
take_out(const struct qcow2 *q, struct qcow2_cache *c, struct qcow2_slice *s)
{
	uint32_t *at = bucket(q, c, s->off), index = (uint32_t)(s - c->slices) + 1;

	while (*at != index)
		at = &c->slices[*at - 1].next;
	*at = s->next;
}

static int
grow(const struct qcow2 *q, struct qcow2_cache *c)
{
	uint32_t room = c->room ? c->room * 2 : ROOM_FIRST;
	struct qcow2_slice *slices = realloc(c->slices, room * sizeof(*slices));
	uint32_t *buckets = calloc(room, sizeof(*buckets));

	if (slices)
		c->slices = slices;
	if (!slices || !buckets) {
		free(buckets);
		return -ENOMEM;
	}
	free(c->buckets);
	c->buckets = buckets;
	c->room = room;
	for (uint32_t n = 0; n < c->n; n++)
		if (c->slices[n].off)
			insert(q, c, n);
	return 0;
}

/* A slot with a buffer and no slice in it. */
static int
empty_slot(struct qcow2 *q, struct qcow2_cache *c, uint32_t *index)
{
	uint8_t *data;

	if (c->n == c->room && grow(q, c))
		return -ENOMEM;
	data = malloc(1U << q->slice_bits);
	if (!data)
		return -ENOMEM;
	*index = c->n++;
	c->slices[*index] = (struct qcow2_slice){.data = data};
	return 0;
}

static int
write_slice(struct qcow2 *q, struct qcow2_cache *c, struct qcow2_slice *s)
{
	int err = file_write(q->image.file, s->data, 1U << q->slice_bits, s->off);

	if (!err) {
		s->dirty = false;
		c->ndirty--;
	}
	return err;
}

/* Refcounts may be written at any time: those that go down do so only in a flush. L2 entries are written by a flush alone. */
static int
evict(struct qcow2 *q, struct qcow2_cache *c, uint32_t *index)
{
	struct qcow2_slice *s;
	int err = 0;

	for (;; c->hand = (c->hand + 1) % c->n) {
		s = &c->slices[c->hand];
		if (!s->used)
			break;
		s->used = false;
	}
	*index = c->hand;
	if (s->dirty)
		err = c == &q->l2 ? qcow2_flush(q) : write_slice(q, c, s);
	if (!err && s->off) {
		take_out(q, c, s);
		s->off = 0;
	}
	return err;
}

/* A slot for what is not in the cache. */
static int
new_slot(struct qcow2 *q, struct qcow2_cache *c, uint32_t *index)
{
	return c->n < c->max ? empty_slot(q, c, index) : evict(q, c, index);
}

int
qcow2_slice(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, struct qcow2_slice **out)
{
	struct qcow2_slice *s;
	uint32_t index;
	int err;

	off = align_down(off, 1U << q->slice_bits);
	s = find(q, c, off);
	if (!s) {
		err = new_slot(q, c, &index);
		if (err)
			return err;
		s = &c->slices[index];
		err = file_read(q->image.file, s->data, 1U << q->slice_bits, off);
		if (err)
			return err;
		s->off = off;
		insert(q, c, index);
	}
	s->used = true;
	*out = s;
	return 0;
}

int
qcow2_slice_blank(struct qcow2 *q, struct qcow2_cache *c, uint64_t off)
{
	uint32_t index;
	int err = new_slot(q, c, &index);

	if (err)
		return err;
	memset(c->slices[index].data, 0, 1U << q->slice_bits);
	c->slices[index].off = align_down(off, 1U << q->slice_bits);
	insert(q, c, index);
	return 0;
}

void
qcow2_slice_dirty(struct qcow2_cache *c, struct qcow2_slice *s)
{
	if (!s->dirty)
		c->ndirty++;
	s->dirty = true;
}

void
qcow2_cache_drop(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, uint64_t len)
{
	uint64_t step = 1U << q->slice_bits;

	for (uint64_t at = align_down(off, step); c->n && at < off + len; at += step) {
		struct qcow2_slice *s = find(q, c, at);

		if (!s)
			continue;
		take_out(q, c, s);
		c->ndirty -= s->dirty;
		*s = (struct qcow2_slice){.data = s->data};
	}
}

static int
by_offset(const void *a, const void *b)
{
	const struct qcow2_slice *x = *(struct qcow2_slice *const *)a, *y = *(struct qcow2_slice *const *)b;

	return (x->off > y->off) - (x->off < y->off);
}

int
qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c)
{
	struct qcow2_slice **dirty;
	uint32_t n = 0;
	int err = 0;

	if (!c->ndirty)
		return 0;
	dirty = malloc(c->ndirty * sizeof(*dirty));
	if (!dirty)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->slices[i].dirty)
			dirty[n++] = &c->slices[i];
	qsort(dirty, n, sizeof(*dirty), by_offset);
	for (uint32_t i = 0; i < n && !err; i++)
		err = write_slice(q, c, dirty[i]);
	free(dirty);
	return err;
}

void
qcow2_cache_free(struct qcow2_cache *c)
{
	for (uint32_t n = 0; n < c->n; n++)
		free(c->slices[n].data);
	free(c->slices);
	free(c->buckets);
}
