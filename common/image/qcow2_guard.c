/* SPDX-License-Identifier: ISC */
/*
 * What keeps a wrong refcount from destroying an image: all clusters of metadata are known, and nothing else is written there.
 * L2 tables and refcount blocks are in a hash table by cluster, the few things of many clusters in a sorted array. An entry
 * whose table has moved is stale, and found to be so when it is met.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/image/qcow2_state.h"

#define REFBLOCK (1U << 31) /* in an owner: an entry of the refcount table, not of L1 */

struct owner {
	uint64_t cluster; /* 0: a free place */
	uint32_t index;
};

struct qcow2_guard {
	struct owner *owners;
	size_t n, room; /* a power of two */
	struct qcow2_range *fixed;
	size_t nfixed;
};

int
qcow2_corrupt(struct qcow2 *q, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	image_fault(&q->image, "%s", text);
	if (q->broken || !(q->flags & IMAGE_WRITE) || q->flags & IMAGE_CHECK)
		return -EIO;
	q->broken = true;
	q->incompatible |= QCOW2_CORRUPT;
	if (q->version >= 3)
		qcow2_write_features(q);
	return -EIO;
}

static bool
still_there(const struct qcow2 *q, const struct owner *o)
{
	uint32_t index = o->index & ~REFBLOCK;
	uint64_t at;

	if (o->index & REFBLOCK)
		at = index < q->reftable_size ? q->reftable[index] : 0;
	else
		at = index < q->l1_size ? q->l1[index] & QCOW2_OFFSET : 0;
	return at >> q->cluster_bits == o->cluster;
}

/* The cluster's place, taken or free. */
static struct owner *
place(struct qcow2_guard *g, uint64_t cluster)
{
	size_t at = (cluster * 0x9e3779b97f4a7c15ULL >> 32) & (g->room - 1);

	while (g->owners[at].cluster && g->owners[at].cluster != cluster)
		at = (at + 1) & (g->room - 1);
	return &g->owners[at];
}

static int
grow(struct qcow2_guard *g)
{
	struct owner *old = g->owners;
	size_t room = g->room;

	g->room = room ? room * 2 : 64;
	g->owners = calloc(g->room, sizeof(*g->owners));
	if (!g->owners) {
		g->owners = old;
		g->room = room;
		return -ENOMEM;
	}
	for (size_t n = 0; n < room; n++)
		if (old[n].cluster)
			*place(g, old[n].cluster) = old[n];
	free(old);
	return 0;
}

/* Two may share a table only where neither calls it its own. */
static bool
may_share(const struct qcow2 *q, uint32_t a, uint32_t b)
{
	return a == b || (!((a | b) & REFBLOCK) && !((q->l1[a] | q->l1[b]) & QCOW2_COPIED));
}

static int
own(struct qcow2 *q, uint64_t off, uint32_t index)
{
	struct qcow2_guard *g = q->guard;
	uint64_t cluster = off >> q->cluster_bits;
	struct owner *o;

	if (g->n * 2 >= g->room && grow(g))
		return -ENOMEM;
	o = place(g, cluster);
	if (o->cluster && still_there(q, o) && !may_share(q, o->index, index))
		return qcow2_corrupt(q, "cluster %#llx is two tables", (unsigned long long)cluster);
	g->n += !o->cluster;
	*o = (struct owner){cluster, index};
	return 0;
}

static const struct qcow2_range *
fixed_at(const struct qcow2_guard *g, uint64_t first, uint64_t n)
{
	size_t low = 0, high = g->nfixed;

	while (low < high) { /* the first that ends after `first` */
		size_t mid = low + (high - low) / 2;

		if (g->fixed[mid].first + g->fixed[mid].n > first)
			high = mid;
		else
			low = mid + 1;
	}
	return low < g->nfixed && g->fixed[low].first < first + n ? &g->fixed[low] : NULL;
}

static int
by_first(const void *a, const void *b)
{
	const struct qcow2_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static void
fix(const struct qcow2 *q, struct qcow2_guard *g, uint64_t off, uint64_t len)
{
	if (len && range_within(off, len, INT64_MAX))
		g->fixed[g->nfixed++] = (struct qcow2_range){off >> q->cluster_bits, qcow2_clusters(q, len)};
}

/* Header, L1, refcount table, snapshot table, bitmap directory, LUKS header, and the snapshots' L1 tables. */
static int
build_fixed(struct qcow2 *q, struct qcow2_guard *g)
{
	const struct qcow2_ext *bitmaps = qcow2_ext_find(q, QCOW2_EXT_BITMAPS);
	uint64_t luks, luks_len;

	g->fixed = malloc((q->nsnapshots + 6) * sizeof(*g->fixed));
	if (!g->fixed)
		return -ENOMEM;
	fix(q, g, 0, qcow2_cluster(q));
	fix(q, g, q->l1_offset, q->l1_size * 8ULL);
	fix(q, g, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits);
	fix(q, g, q->snapshots_offset, q->snapshots_bytes);
	if (bitmaps && bitmaps->len >= 24 && q->autoclear & QCOW2_BITMAPS)
		fix(q, g, get_be64(bitmaps->data + 16), get_be64(bitmaps->data + 8));
	if (qcow2_crypt_header(q, &luks, &luks_len))
		fix(q, g, luks, luks_len);
	for (uint32_t n = 0; n < q->nsnapshots; n++)
		fix(q, g, q->snapshots[n].l1_offset, q->snapshots[n].l1_size * 8ULL);
	qsort(g->fixed, g->nfixed, sizeof(*g->fixed), by_first);
	for (size_t n = 1; n < g->nfixed; n++)
		if (g->fixed[n - 1].first + g->fixed[n - 1].n > g->fixed[n].first)
			return qcow2_corrupt(q, "cluster %#llx is two tables", (unsigned long long)g->fixed[n].first);
	return 0;
}

static int
add_tables(struct qcow2 *q, const uint64_t *table, uint32_t n, uint64_t mask, uint32_t kind)
{
	int err = 0;

	for (uint32_t k = 0; k < n && !err; k++) {
		uint64_t off = table[k] & mask;

		if (!off)
			continue;
		if (fixed_at(q->guard, off >> q->cluster_bits, 1))
			return qcow2_corrupt(q, "a table at %#llx is in other metadata", (unsigned long long)off);
		err = own(q, off, k | kind);
	}
	return err;
}

int
qcow2_guard_build(struct qcow2 *q)
{
	int err;

	if (q->guard)
		return 0;
	q->guard = calloc(1, sizeof(*q->guard));
	if (!q->guard)
		return -ENOMEM;
	err = build_fixed(q, q->guard);
	if (!err)
		err = add_tables(q, q->l1, q->l1_size, QCOW2_OFFSET, 0);
	if (!err)
		err = add_tables(q, q->reftable, q->reftable_size, ~511ULL, REFBLOCK);
	/* What is wrong is repaired by way of this code, too. */
	if (err == -EIO && q->flags & IMAGE_CHECK)
		return 0;
	if (err)
		qcow2_guard_free(q);
	return err;
}

int
qcow2_guard(struct qcow2 *q, uint64_t off, uint64_t len)
{
	uint64_t first = off >> q->cluster_bits, n = ((off + len - 1) >> q->cluster_bits) - first + 1;
	int err = qcow2_guard_build(q);
	bool hit;

	if (err)
		return err;
	hit = fixed_at(q->guard, first, n);
	for (uint64_t c = first; c < first + n && !hit && q->guard->n; c++) {
		struct owner *o = place(q->guard, c);

		hit = o->cluster && still_there(q, o);
	}
	return hit ? qcow2_corrupt(q, "a write to %#llx of the file would destroy metadata", (unsigned long long)off) : 0;
}

int
qcow2_guard_l2(struct qcow2 *q, uint64_t off, uint32_t index)
{
	return q->guard ? own(q, off, index) : 0;
}

int
qcow2_guard_refblock(struct qcow2 *q, uint64_t off, uint32_t index)
{
	return q->guard ? own(q, off, index | REFBLOCK) : 0;
}

void
qcow2_guard_free(struct qcow2 *q)
{
	if (q->guard) {
		free(q->guard->owners);
		free(q->guard->fixed);
	}
	free(q->guard);
	q->guard = NULL;
}
