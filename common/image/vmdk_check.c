/* SPDX-License-Identifier: ISC */
/*
 * Checking a VMDK: that tables and grains are in the file and no two at one place, and that the redundant tables are as the
 * others. Where those are not, as a cut may leave them, nothing is lost: it counts as a leak.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/report.h"
#include "common/image/vmdk.h"

struct checked {
	struct vmdk *v;
	struct vmdk_extent *x;
	struct image_check *c;
	unsigned fix;
	uint8_t *used; /* a bit for each grain of the file */
	uint64_t grains;
};

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Are all tables somewhere of their own? Else looking at what they say would make no sense, and no end. */
static int
check_tables(struct checked *k, bool *sound)
{
	uint32_t n = vmdk_tables_of(k->x), *places = calloc(n + 1, sizeof(*places)), m = 0;
	uint32_t sectors = (uint32_t)align_up(k->x->entries * 4, VMDK_SECTOR) / VMDK_SECTOR;
	uint64_t errors = k->c->errors;
	uint8_t *p;
	int err = places ? 0 : -ENOMEM;

	for (uint32_t number = 0; number < n && !err; number++) {
		err = tables_at(k->x->tables, k->x->directory, number * 4ull, &p);
		if (err || !get_le32(p))
			continue;
		if (range_within((uint64_t)get_le32(p) * VMDK_SECTOR, k->x->entries * 4ull, k->x->file->size))
			places[m++] = get_le32(p);
		else
			report(k->c, &k->c->errors, "ERROR: grain table %u lies beyond the file", number);
	}
	if (!err)
		qsort(places, m, sizeof(*places), by_value);
	for (uint32_t number = 1; number < m && !err; number++)
		if (places[number] - places[number - 1] < sectors)
			report(k->c, &k->c->errors, "ERROR: two grain tables at sector %u", places[number]);
	free(places);
	*sound = k->c->errors == errors;
	return err;
}

/* A grain of its own? */
static void
check_grain(struct checked *k, uint64_t off, uint32_t entry)
{
	uint64_t at = (uint64_t)entry * VMDK_SECTOR, bit = at / k->x->grain;

	if (at >= k->x->file->size) {
		report(k->c, &k->c->errors, "ERROR: the grain at %llu lies beyond the file", (unsigned long long)(k->x->at + off));
		return;
	}
	k->c->allocated++;
	if (at + k->x->grain > k->c->end && !k->x->packed)
		k->c->end = at + k->x->grain;
	if (k->x->packed)
		return;
	if (k->used[bit / 8] >> bit % 8 & 1)
		report(k->c, &k->c->errors, "ERROR: the grain at %llu is another one's, too", (unsigned long long)(k->x->at + off));
	k->used[bit / 8] |= (uint8_t)(1 << bit % 8);
}

/* The redundant table of that number is made the same as the other. */
static int
check_spare(struct checked *k, uint32_t number, const uint8_t *table, size_t len)
{
	struct table t;
	uint8_t *p;
	int err = vmdk_table(k->v, k->x, number, true, &t);

	if (err || !t.start)
		return err;
	err = tables_at(k->x->tables, t, 0, &p);
	if (err || !memcmp(p, table, len))
		return err;
	report(k->c, &k->c->leaks, "ERROR: the redundant grain table %u differs", number);
	if (!(k->fix & CHECK_FIX_LEAKS))
		return 0;
	memcpy(p, table, len);
	tables_changed(k->x->tables);
	k->c->leaks_fixed++;
	return tables_full(k->x->tables) ? vmdk_flush(&k->v->image) : 0;
}

static int
check_entries(struct checked *k, uint32_t number)
{
	uint8_t table[VMDK_TABLE_ENTRIES * 4], *p;
	size_t len = k->x->entries * 4;
	struct table t;
	int err = vmdk_table(k->v, k->x, number, false, &t);

	if (err || !t.start)
		return err;
	err = tables_at(k->x->tables, t, 0, &p);
	if (err)
		return err;
	memcpy(table, p, len);
	for (size_t n = 0; n < len; n += 4)
		if (get_le32(table + n) > (k->x->zero_grains ? 1u : 0u))
			check_grain(k, number * vmdk_reach(k->x) + n / 4 * k->x->grain, get_le32(table + n));
	return k->x->spare.len ? check_spare(k, number, table, len) : 0;
}

static int
check_extent(struct checked *k)
{
	struct vmdk_extent *x = k->x;
	bool sound;
	int err = check_tables(k, &sound);

	k->c->total += x->len / x->grain + !!(x->len % x->grain);
	k->grains = min_u64(x->file->size, (UINT32_MAX + 1ull) * VMDK_SECTOR) / x->grain + 1;
	k->used = err ? NULL : calloc(k->grains / 8 + 1, 1);
	if (!err && !k->used)
		err = -ENOMEM;
	for (uint32_t n = 0; sound && n < vmdk_tables_of(x) && !err; n++) {
		err = check_entries(k, n);
		if (k->c->progress)
			k->c->progress(k->c->user, x->at + n * vmdk_reach(x), k->v->image.size);
	}
	free(k->used);
	return err;
}

const char *
vmdk_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct checked k = {.v = vmdk_of(i), .c = c, .fix = fix};
	int err = 0;

	for (size_t n = 0; n < k.v->n && !err; n++) {
		k.x = &k.v->extents[n];
		if (k.x->kind == VMDK_SPARSE)
			err = check_extent(&k);
	}
	if (!err && c->leaks_fixed)
		err = vmdk_flush(i);
	c->stats = i->cluster_size;
	return image_failed(i, err, w);
}
