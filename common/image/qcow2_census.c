/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_census.h"
#include "common/image/report.h"

#define ACTIVE 2 /* owner of the active L1 table; the snapshots' follow */
#define L1_RESERVED 0x7f000000000001ffULL

void
census_error(struct census *c, bool repaired, const char *fmt, ...)
{
	char line[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	report(c->check, repaired ? &c->check->errors_fixed : &c->check->errors, "%s %s", repaired ? "Repairing" : "ERROR", line);
}

bool
census_count(struct census *c, uint64_t off, uint64_t len, uint64_t n, int *err)
{
	uint64_t i = off >> c->q->cluster_bits, end;

	*err = 0;
	if (!len)
		return true;
	/* The last cluster of the file may be there in part. */
	end = qcow2_file_clusters(c->q);
	if (!range_within(off, len, end << c->q->cluster_bits))
		return false;
	for (end = (off + len - 1) >> c->q->cluster_bits; i <= end && !*err; i++)
		*err = counts_add(c->found, i, n);
	return true;
}

int
census_claim(struct census *c, uint64_t off, uint64_t len, const char *what, bool *ok)
{
	uint64_t first = off >> c->q->cluster_bits, end = first + qcow2_clusters(c->q, len);
	int err;

	*ok = false;
	if (off & (qcow2_cluster(c->q) - 1))
		census_error(c, false, "%s at %#" PRIx64 " is not cluster aligned", what, off);
	else if (!census_count(c, off, len, 1, &err))
		census_error(c, false, "%s at %#" PRIx64 " is past the end of the file", what, off);
	else if (err)
		return err;
	else if (counts_next(c->fixed, first, end) != UINT64_MAX)
		census_error(c, false, "%s at %#" PRIx64 " overlaps other metadata", what, off);
	else
		*ok = true;
	for (err = 0; *ok && first < end && !err; first++)
		err = counts_set(c->fixed, first, 1);
	return err;
}

/* Replaces an L1 entry where that is asked for; what it covered is lost. */
static int
bad_l1(struct census *c, size_t at, uint64_t entry, const char *what)
{
	uint64_t span = 1ULL << (c->q->l2_bits + c->q->cluster_bits), disk = c->l1_index * span;

	census_error(c, c->mend, "L1 entry %" PRIu64 " (%#" PRIx64 ")%s%s: %s; disk %#" PRIx64 ", %#" PRIx64 " bytes%s", c->l1_index, entry,
		     c->snapshot ? " of snapshot " : "", c->snapshot ? c->snapshot : "", what, disk, span, c->mend ? ": lost" : "");
	if (!c->mend)
		return 0;
	c->lost += disk < c->q->image.size ? min_u64(span, c->q->image.size - disk) : 0;
	return table_put(&c->l1, at, 0);
}

static int
count_table(struct census *c, size_t at, uint64_t entry)
{
	struct qcow2 *q = c->q;
	uint64_t offset = entry & QCOW2_OFFSET;
	int err;

	if (!offset)
		return bad_l1(c, at, entry, "has no table");
	if (entry & L1_RESERVED) {
		census_error(c, c->mend, "L1 entry %" PRIu64 " (%#" PRIx64 ") has reserved bits set", c->l1_index, entry);
		err = c->mend ? table_put(&c->l1, at, entry & ~L1_RESERVED) : 0;
		if (err)
			return err;
	}
	if (offset & (qcow2_cluster(q) - 1))
		return bad_l1(c, at, entry, "the table is not cluster aligned");
	if (counts_get(c->fixed, offset >> q->cluster_bits))
		return bad_l1(c, at, entry, "the table overlaps other metadata");
	if (!census_count(c, offset, qcow2_cluster(q), 1, &err))
		return bad_l1(c, at, entry, "the table is past the end of the file");
	return err ? err : counts_add(c->tables, offset >> q->cluster_bits, 1);
}

/* The first time: which L2 tables there are, and how often each is named. */
static int
count_l1(void *arg, uint64_t first, size_t n)
{
	struct census *c = arg;
	int err = 0;

	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(c->l1.buf + at);

		c->l1_index = (first + at) / 8;
		if (entry)
			err = count_table(c, at, entry);
	}
	return err;
}

/* The second time: each of them once. */
static int
walk_l1(void *arg, uint64_t first, size_t n)
{
	struct census *c = arg;
	struct image_check *check = c->check;
	int err = 0;

	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t offset = get_be64(c->l1.buf + at) & QCOW2_OFFSET;

		c->times = counts_get(c->tables, offset >> c->q->cluster_bits);
		if (!offset || !c->times || offset & (qcow2_cluster(c->q) - 1))
			continue;
		c->l1_index = (first + at) / 8;
		err = counts_set(c->tables, offset >> c->q->cluster_bits, 0);
		if (!err)
			err = census_l2(c, offset);
		if (check->progress)
			check->progress(check->user, c->done + c->l1_index, c->total);
	}
	return err;
}

static bool
walkable(const struct census *c, uint64_t off, uint64_t owner)
{
	return counts_get(c->fixed, off >> c->q->cluster_bits) == owner;
}

/* Calls for each L1 table that can be walked, the active one first. */
static int
each_l1(struct census *c, int (*piece)(void *arg, uint64_t first, size_t n))
{
	struct qcow2 *q = c->q;
	int err;

	c->snapshot = NULL;
	c->done = 0;
	err = walkable(c, q->l1_offset, ACTIVE) ? table_walk(&c->l1, q->l1_offset, 8ULL * q->l1_size, piece, c) : 0;
	for (uint32_t i = 0; i < q->nsnapshots && !err; i++) {
		const struct qcow2_snapshot *s = &q->snapshots[i];

		c->done += i ? q->snapshots[i - 1].l1_size : q->l1_size;
		c->snapshot = s->name;
		if (walkable(c, s->l1_offset, ACTIVE + 1ULL + i))
			err = table_walk(&c->l1, s->l1_offset, 8ULL * s->l1_size, piece, c);
	}
	return err;
}

/* An L1 table's first cluster is marked with whose it is, so that none is walked twice, nor something else as one. */
static int
claim_l1(struct census *c, uint64_t off, uint32_t entries, const char *what, uint64_t owner)
{
	bool ok;
	int err;

	c->total += entries;
	if (8ULL * entries > QCOW2_L1_MAX) {
		census_error(c, false, "%s at %#" PRIx64 " is too large", what, off);
		return 0;
	}
	err = census_claim(c, off, 8ULL * entries, what, &ok);
	if (!err && ok && entries)
		err = counts_set(c->fixed, off >> c->q->cluster_bits, owner);
	return err;
}

/* The header may tell of more than opening could read. */
static int
count_snapshots(struct census *c)
{
	struct qcow2 *q = c->q;
	uint8_t n[4];
	int err = file_read(q->image.file, n, sizeof(n), QCOW2_AT_SNAPSHOTS);

	if (err || get_be32(n) == q->nsnapshots)
		return err;
	census_error(c, c->mend, "snapshot table: %u of %u snapshots can be read%s", q->nsnapshots, get_be32(n), c->mend ? ": the others are lost" : "");
	c->cut_snapshots = true;
	if (!q->nsnapshots)
		q->snapshots_offset = 0;
	return 0;
}

static int
claim_snapshots(struct census *c)
{
	struct qcow2 *q = c->q;
	char what[128];
	bool ok;
	int err = count_snapshots(c);

	if (!err && q->nsnapshots)
		err = census_claim(c, q->snapshots_offset, q->snapshots_bytes, "snapshot table", &ok);
	if (q->data && q->nsnapshots)
		census_error(c, false, "%u snapshots in an image with a data file", q->nsnapshots);
	for (uint32_t i = 0; i < q->nsnapshots && !err; i++) {
		snprintf(what, sizeof(what), "L1 table of snapshot %s (%s)", q->snapshots[i].id, q->snapshots[i].name);
		err = claim_l1(c, q->snapshots[i].l1_offset, q->snapshots[i].l1_size, what, ACTIVE + 1ULL + i);
	}
	return err;
}

static int
claim_crypt_header(struct census *c)
{
	const struct qcow2_ext *e = qcow2_ext_find(c->q, QCOW2_EXT_CRYPTO);
	bool ok;

	return e && e->len >= 16 ? census_claim(c, get_be64(e->data), get_be64(e->data + 8), "encryption header", &ok) : 0;
}

int
census_take(struct census *c)
{
	struct qcow2 *q = c->q;
	bool ok;
	int err;

	c->found = counts_new();
	c->fixed = counts_new();
	c->tables = counts_new();
	if (!c->found || !c->fixed || !c->tables)
		return -ENOMEM;
	err = table_init(&c->l1, q->image.file);
	if (!err)
		err = table_init(&c->l2, q->image.file);
	if (!err)
		err = census_claim(c, 0, qcow2_cluster(q), "header", &ok);
	if (!err)
		err = claim_l1(c, q->l1_offset, q->l1_size, "active L1 table", ACTIVE);
	if (!err)
		err = claim_snapshots(c);
	if (!err)
		err = claim_crypt_header(c);
	if (!err)
		err = census_bitmaps(c);
	if (!err)
		err = each_l1(c, count_l1);
	return err ? err : each_l1(c, walk_l1);
}

void
census_free(struct census *c)
{
	counts_free(c->found);
	counts_free(c->fixed);
	counts_free(c->tables);
	table_free(&c->l1);
	table_free(&c->l2);
}
