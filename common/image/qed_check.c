/* SPDX-License-Identifier: ISC */
/* Checking QED images: every table and cluster is where one can be, and used once. What is used by nothing is a leak. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qed.h"
#include "common/image/report.h"

#define USED_MAX ((uint64_t)1 << 30) /* bytes of a bit a cluster: enough for 512 TiB of the default clusters */
#define PART ((size_t)64 << 10)

struct census {
	struct qed *q;
	struct image_check *c;
	bool fix;
	uint8_t *used; /* a bit a cluster of the file */
	uint64_t clusters, last;
};

static struct file *
file_of(const struct census *s)
{
	return s->q->levels.image.file;
}

static bool
is_used(const struct census *s, uint64_t k)
{
	return s->used[k / 8] & 1 << k % 8;
}

/* Marks n clusters from off on. False, and counted, where one is in use already. */
static bool
mark(struct census *s, uint64_t off, uint64_t n)
{
	uint64_t first = off / s->q->levels.image.cluster_size;

	for (uint64_t k = first; k < first + n; k++) {
		if (is_used(s, k)) {
			report(s->c, &s->c->errors, "ERROR: the cluster at %#llx of the file is used more than once",
			    (unsigned long long)k * s->q->levels.image.cluster_size);
			return false;
		}
		s->used[k / 8] |= (uint8_t)(1 << k % 8);
	}
	return true;
}

/* An entry, at `at` of the file, that refers to what cannot be: it is taken away. */
static int
bad_entry(struct census *s, const char *level, uint64_t at, uint64_t entry)
{
	static const uint8_t none[8];

	report(s->c, &s->c->errors, "ERROR: the %s entry at %#llx of the file says %#llx", level, (unsigned long long)at,
	    (unsigned long long)entry);
	if (!s->fix)
		return 0;
	s->c->errors_fixed++;
	return file_write(file_of(s), none, sizeof(none), at);
}

/* An entry of a table that is neither 0 nor (in L2) zeroes. `n` clusters are what it refers to. */
static bool
sound(const struct census *s, uint64_t entry, uint64_t n)
{
	const struct levels *v = &s->q->levels;

	return entry % v->image.cluster_size == 0 && levels_sound(v, v->image.file, entry, n * v->image.cluster_size);
}

/* Calls `entry` for each one of a table that is not 0. Holes of the file, which may be vast, are passed over. */
static int
each_entry(struct census *s, struct table t, int (*entry)(struct census *s, uint64_t at, uint64_t value))
{
	uint8_t *part = malloc(PART);
	int err = part ? 0 : -ENOMEM;

	for (uint64_t at = 0, n; at < t.len && !err; at += n) {
		bool hole;

		n = t.len - at;
		err = file_extent(file_of(s), t.start + at, &n, &hole);
		if (err || (hole && (n >= 8 || n == t.len - at))) {
			n = n >= 8 ? align_down(n, 8) : n;
			continue;
		}
		n = min_u64(t.len - at, PART);
		err = file_read(file_of(s), part, n, t.start + at);
		for (size_t k = 0; k < n && !err; k += 8)
			if (get_le64(part + k))
				err = entry(s, t.start + at + k, get_le64(part + k));
	}
	free(part);
	return err;
}

static int
check_l2_entry(struct census *s, uint64_t at, uint64_t value)
{
	uint32_t cluster = s->q->levels.image.cluster_size;

	if (value == QED_ZERO)
		return 0;
	if (!sound(s, value, 1))
		return bad_entry(s, "L2", at, value);
	s->c->allocated++;
	s->c->fragmented += s->last && s->last + cluster != value;
	s->last = value;
	mark(s, value, 1);
	return 0;
}

static int
check_l1_entry(struct census *s, uint64_t at, uint64_t value)
{
	const struct levels *v = &s->q->levels;
	uint64_t n = v->l2_len / v->image.cluster_size;

	if (!sound(s, value, n))
		return bad_entry(s, "L1", at, value);
	/* A table that was looked at is not looked at again: all the work is bounded by the file. */
	if (!mark(s, value, n))
		return 0;
	s->last = 0;
	if (s->c->progress)
		s->c->progress(s->c->user, at - v->l1.start, v->l1.len);
	return each_entry(s, (struct table){value, v->l2_len}, check_l2_entry);
}

/*
 * The next cluster of the disk, from *at on, that may get space of its own without another table, and whose bytes are zeroes
 * whatever the backing image has. *found: there is one.
 */
static int
find_taker(struct census *s, uint64_t *at, bool *found)
{
	struct image *i = &s->q->levels.image;
	uint64_t span = levels_span(&s->q->levels);
	struct extent e = {.image = i};
	int err = 0;

	for (*found = false; *at < i->size && !err && !*found; *at += *found ? 0 : i->cluster_size) {
		err = levels_map(i, *at, 1, &e);
		if (!err && *at % span == 0 && e.len == span) /* no table */
			*at += span - i->cluster_size;
		else
			*found = !err && (e.kind == EXTENT_ZERO || (e.kind == EXTENT_HOLE && !i->backing_name));
	}
	return err;
}

/* Leaked clusters between others are given to clusters of the disk that have none. */
static int
adopt_leaks(struct census *s, uint64_t end)
{
	struct image *i = &s->q->levels.image;
	uint64_t at = 0;
	bool found = true;
	int err = 0;

	for (uint64_t k = 0; k < end && found && !err; k++) {
		if (is_used(s, k))
			continue;
		err = find_taker(s, &at, &found);
		if (err || !found)
			break;
		err = file_zero(i->file, k * i->cluster_size, i->cluster_size, true);
		if (!err)
			err = levels_set(&s->q->levels, at, k * i->cluster_size);
		s->c->leaks_fixed += !err;
	}
	return err ? err : levels_flush(i);
}

/* Those at the end of the file are cut off. */
static int
count_leaks(struct census *s, unsigned fix)
{
	uint64_t end = s->clusters, cluster = s->q->levels.image.cluster_size;
	int err = 0;

	for (uint64_t k = 0; k < s->clusters; k++)
		if (!is_used(s, k))
			report(s->c, &s->c->leaks, "Leaked cluster at %#llx of the file", (unsigned long long)(k * cluster));
	while (end && !is_used(s, end - 1))
		end--;
	s->c->end = end * cluster;
	if (!(fix & CHECK_FIX_LEAKS) || s->c->errors > s->c->errors_fixed || !s->c->leaks)
		return 0;
	if (end < s->clusters)
		err = file_truncate(file_of(s), end * cluster);
	s->c->leaks_fixed += err ? 0 : s->clusters - end;
	return err ? err : adopt_leaks(s, end);
}

static int
take_census(struct census *s, unsigned fix)
{
	struct levels *v = &s->q->levels;
	int err;

	mark(s, 0, v->first / v->image.cluster_size);
	mark(s, v->l1.start, v->l1.len / v->image.cluster_size);
	tables_forget(v->l1_pages);
	tables_forget(v->l2_pages);
	err = each_entry(s, v->l1, check_l1_entry);
	tables_forget(v->l1_pages);
	tables_forget(v->l2_pages);
	return err ? err : count_leaks(s, fix);
}

/* All that there was is repaired, so the image may say that it was closed cleanly. */
static int
mark_clean(struct qed *q)
{
	int err = file_flush(q->levels.image.file);

	put_le64(q->header + QED_FEATURES, get_le64(q->header + QED_FEATURES) & ~(uint64_t)QED_NEED_CHECK);
	if (!err)
		err = qed_write_header(q);
	q->levels.image.dirty = err;
	return err;
}

const char *
qed_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct census s = {.q = qed_of(i), .c = c, .fix = fix & CHECK_FIX_ERRORS, .clusters = i->file->size / i->cluster_size};
	int err;

	if (s.clusters / 8 > USED_MAX)
		return why(w, "the file is too large to be checked");
	if (!i->read_only && (err = levels_flush(i)))
		return why(w, "%s", strerror(-err));
	s.used = calloc(1, s.clusters / 8 + 1);
	c->stats = true;
	c->total = (i->size + i->cluster_size - 1) / i->cluster_size;
	err = s.used ? take_census(&s, fix) : -ENOMEM;
	free(s.used);
	if (!err && fix && i->dirty && c->errors == c->errors_fixed)
		err = mark_clean(s.q);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}
