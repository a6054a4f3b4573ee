/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/bytes.h"
#include "vm-img/copy_plan.h"

#define SECTOR 512
#define PAGE 4096

/* QEMU's disks are whole sectors. */
static uint64_t
sectors_of(const struct image *i)
{
	return align_up(i->size, SECTOR);
}

uint64_t
copy_size(struct copy *c)
{
	c->size = 0;
	for (size_t i = 0; i < c->n; i++)
		c->size += sectors_of(c->sources[i]);
	return c->size;
}

void
plan_begin(struct plan *p, const struct copy *c)
{
	uint64_t unit = c->target->cluster_size;

	if (unit < PAGE)
		unit = PAGE;
	/* Bytes that the target's backing image shows are exactly those; only a packed unit is written as a whole. */
	if (c->top_only && !c->pack)
		unit = SECTOR;
	*p = (struct plan){.copy = c, .unit = unit, .room = align_up(JOB_SIZE, unit)};
}

static uint64_t
next_unit(const struct plan *p, uint64_t at)
{
	return min_u64(align_down(at, p->unit) + p->unit, p->copy->size);
}

/* What a source says of `at`, for at most len bytes; its last sector may be short. */
static int
look(struct plan *p, uint64_t at, uint64_t len, bool chain, struct extent *e)
{
	const struct copy *c = p->copy;
	struct image *i;
	uint64_t off;
	int err;

	if (at < p->source_at)
		p->source_at = p->source = 0;
	while (at - p->source_at >= sectors_of(c->sources[p->source]))
		p->source_at += sectors_of(c->sources[p->source++]);
	i = c->sources[p->source];
	off = at - p->source_at;
	if (off >= i->size) {
		*e = (struct extent){.kind = EXTENT_ZERO, .len = min_u64(len, sectors_of(i) - off)};
		return 0;
	}
	len = min_u64(len, i->size - off);
	err = chain ? image_map_chain(i, off, len, e, NULL) : image_map(i, off, len, e);
	if (!err || !c->salvage)
		return err;
	p->bad = err;
	p->bad_at = at;
	*e = (struct extent){.kind = EXTENT_ZERO, .len = min_u64(len, next_unit(p, at) - at)};
	return 0;
}

static enum fate
fate(const struct plan *p, uint64_t at, const struct extent *e)
{
	const struct copy *c = p->copy;

	if (p->bad || !c->sparse || (e->kind != EXTENT_HOLE && e->kind != EXTENT_ZERO))
		return c->top_only && e->kind == EXTENT_HOLE ? FATE_PASS : FATE_LOAD;
	if (c->top_only)
		return e->kind == EXTENT_HOLE || at >= c->backing_size ? FATE_PASS : FATE_ZERO;
	return c->zeroed ? FATE_PASS : FATE_ZERO;
}

/* Whether `at` is in what was looked at last, which begins there from now on: of plain bytes the rest is an extent, too. */
static bool
seen(struct plan *p, uint64_t at)
{
	uint64_t n = at - p->seen_at;

	if (n >= p->seen.len || (n && p->seen.kind != EXTENT_DATA))
		return false;
	p->seen_at = at;
	p->seen.at += n;
	p->seen.off += n;
	p->seen.len -= n;
	return true;
}

/* The extent at `at` and its fate, which is one: it is cut where the target's backing image ends. */
static int
look_cut(struct plan *p, uint64_t at, struct extent *e, enum fate *f)
{
	const struct copy *c = p->copy;
	uint64_t len = (c->top_only && at < c->backing_size ? min_u64(c->backing_size, c->size) : c->size) - at;
	int err;

	p->bad = 0;
	if (seen(p, at)) {
		*e = p->seen;
		*f = p->seen_fate;
		return 0;
	}
	p->seen.len = 0;
	err = look(p, at, len, !c->top_only, e);
	if (err)
		return err;
	*f = fate(p, at, e);
	if (p->bad)
		return 0;
	p->seen = *e;
	p->seen_at = at;
	p->seen_fate = *f;
	return 0;
}

/* The same; of what is not loaded, all that follows with the same fate, as one extent. */
static int
look_run(struct plan *p, uint64_t at, struct extent *e, enum fate *f)
{
	struct extent more;
	enum fate next;
	int err = 0;

	if (at >= p->run_at && at < p->run_end) {
		*e = (struct extent){.kind = EXTENT_ZERO, .len = p->run_end - at};
		*f = p->run_fate;
		return 0;
	}
	err = look_cut(p, at, e, f);
	if (err || *f == FATE_LOAD)
		return err;
	while (at + e->len < p->copy->size && !look_cut(p, at + e->len, &more, &next) && next == *f)
		e->len += more.len;
	p->bad = 0; /* it is told when it is looked at for its own sake */
	p->run_at = at;
	p->run_end = at + e->len;
	p->run_fate = *f;
	return 0;
}

/* Of [at, at + len), which the target would show by itself: the extents, for a unit that is written as a whole. */
static int
add_chain(struct plan *p, struct job *j, uint64_t at, uint64_t len)
{
	struct extent e;
	int err = 0;

	for (uint64_t n = 0; n < len && !err; n += e.len) {
		err = look(p, at + n, len - n, true, &e);
		if (!err)
			err = job_add(j, &e);
	}
	return err;
}

static void
note_bad(struct plan *p, struct job *j, uint64_t len)
{
	if (!p->bad)
		return;
	if (!j->lost) {
		j->err = p->bad;
		j->err_off = p->bad_at;
	}
	j->lost += len;
}

/* Extents from p->at on, until the room is full or a unit comes that is not loaded. */
static int
gather(struct plan *p, struct job *j)
{
	uint64_t end = min_u64(p->at + p->room, p->copy->size), at;
	struct extent e;
	enum fate f;
	int err = 0;

	for (at = p->at; at < end && !err; at += e.len) {
		err = look_run(p, at, &e, &f);
		if (err) {
			j->err_off = at;
			return err;
		}
		if (f != FATE_LOAD && at + e.len >= next_unit(p, at + p->unit - 1))
			end = min_u64(align_up(at, p->unit), end);
		e.len = min_u64(e.len, end - at);
		if (!e.len)
			break;
		note_bad(p, j, e.len);
		err = f == FATE_PASS && p->copy->top_only ? add_chain(p, j, at, e.len) : job_add(j, &e);
	}
	j->kind = JOB_LOAD;
	j->len = at - p->at;
	p->at = at;
	return err;
}

static void
reset(struct job *j, uint64_t off)
{
	j->off = off;
	j->nextents = j->npieces = 0;
	j->err = 0;
	j->lost = 0;
	j->loaded = j->put = false;
}

int
plan_next(struct plan *p, struct job *j)
{
	struct extent e;
	enum fate f;

	for (; p->at < p->copy->size; p->at += e.len) {
		int err = look_run(p, p->at, &e, &f);

		reset(j, p->at);
		if (err) {
			j->err_off = p->at;
			return err;
		}
		if (p->at + e.len < p->copy->size)
			e.len = align_down(e.len, p->unit);
		if (f == FATE_LOAD || !e.len) {
			err = gather(p, j);
			return err ? err : 1;
		}
		if (f == FATE_ZERO) {
			j->kind = JOB_ZERO;
			j->len = e.len;
			p->at += e.len;
			return 1;
		}
	}
	return 0;
}
