/* SPDX-License-Identifier: ISC */
/* Checks an image, and has it repaired. Findings are worded and counted as qemu-img's are. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/image/qcow2_repair.h"
#include "common/image/report.h"

static void
bad_block(void *arg, uint64_t index, uint64_t entry)
{
	struct repair *r = arg;

	r->rebuild = true;
	census_error(&r->census, r->fix & CHECK_FIX_ERRORS, "refcount table entry %" PRIu64 " (%#" PRIx64 ") is not valid", index, entry);
}

/* Clusters of the refcount structure, which are used by it alone, or it has to be built anew elsewhere. */
static int
count_structure(struct repair *r, uint64_t off, uint64_t n)
{
	struct census *c = &r->census;
	uint64_t i = off >> c->q->cluster_bits, end = i + n;
	int err = 0;

	if (off & (qcow2_cluster(c->q) - 1) || end > qcow2_file_clusters(c->q)) {
		r->rebuild = true;
		census_error(c, r->fix & CHECK_FIX_ERRORS, "refcount structure at %#" PRIx64 " is past the end of the file", off);
		return 0;
	}
	for (; i < end && !err; i++) {
		if (counts_get(c->found, i)) {
			r->rebuild = true;
			census_error(c, r->fix & CHECK_FIX_ERRORS, "refcount structure in cluster %" PRIu64 " overlaps other clusters", i);
		}
		err = counts_add(c->found, i, 1);
		if (!err)
			err = counts_add(r->structure, i, 1);
	}
	return err;
}

static int
count_refcounts(struct repair *r)
{
	struct qcow2 *q = r->census.q;
	int err = count_structure(r, q->reftable_offset, q->reftable_clusters);

	for (uint64_t i = 0; i < r->stored.entries && !err; i++)
		if (r->stored.table[i])
			err = count_structure(r, r->stored.table[i], 1);
	return err;
}

/* One cluster whose refcount is not what was found; in `stored` it becomes that where this is to be repaired. */
static int
differ(struct repair *r, uint64_t cluster)
{
	struct image_check *c = r->census.check;
	uint64_t stored = counts_get(r->stored.counts, cluster), found = counts_get(r->census.found, cluster);
	bool leak = stored > found, fix = r->fix & (leak ? CHECK_FIX_LEAKS : CHECK_FIX_ERRORS);

	report(c, leak ? (fix ? &c->leaks_fixed : &c->leaks) : (fix ? &c->errors_fixed : &c->errors),
	       "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64, fix ? "Repairing" : leak ? "Leaked" : "ERROR", cluster,
	       stored, found);
	return fix ? counts_set(r->stored.counts, cluster, found) : 0;
}

static int
compare(struct repair *r)
{
	uint64_t end = qcow2_file_clusters(r->census.q);
	int err = 0;

	for (uint64_t i = 0; (i = counts_differ(r->stored.counts, r->census.found, i, end)) != UINT64_MAX && !err; i++)
		err = differ(r, i);
	return err;
}

/* The end of the last cluster that is used, or counted as such. */
static uint64_t
end_of_use(const struct repair *r)
{
	uint64_t file = qcow2_file_clusters(r->census.q), end = counts_end(r->census.found), stored = counts_end(r->stored.counts);

	end = stored > end ? stored : end;
	return min_u64(end, file) << r->census.q->cluster_bits;
}

static int
check(struct repair *r)
{
	struct census *c = &r->census;
	int err = refs_load(&r->stored, c->q, bad_block, r);

	if (!err)
		err = census_take(c);
	r->structure = counts_new();
	if (!err && !r->structure)
		err = -ENOMEM;
	if (!err)
		err = count_refcounts(r);
	if (!err && r->fix & CHECK_FIX_LEAKS) {
		r->before = counts_copy(r->stored.counts);
		err = r->before ? 0 : -ENOMEM;
	}
	if (!err)
		err = compare(r);
	if (!err)
		c->check->end = end_of_use(r);
	if (err)
		return err;
	return r->fix ? repair(r) : flags_walk(c, r->stored.counts, FLAGS_TELL);
}

const char *
qcow2_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	struct repair r = {.fix = fix, .census = {.q = q, .check = c, .mend = fix & CHECK_FIX_ERRORS}};
	int err;

	if (qcow2_file_clusters(q) >= COUNTS_MAX)
		return why(w, "the file is too large to be checked");
	c->stats = true;
	c->total = qcow2_clusters(q, i->size);
	err = check(&r);
	refs_free(&r.stored);
	census_free(&r.census);
	counts_free(r.structure);
	counts_free(r.before);
	return image_failed(i, err, w);
}

int
qcow2_rebuild_refcounts(struct qcow2 *q)
{
	struct image_check c = {0};
	struct why w;

	if (qcow2_check(&q->image, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS, &c, &w))
		return image_fault(&q->image, "%s", w.text);
	return c.errors ? image_fault(&q->image, "%" PRIu64 " errors that only check -r all can tell about", c.errors) : 0;
}
