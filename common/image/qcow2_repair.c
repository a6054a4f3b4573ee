/* SPDX-License-Identifier: ISC */
/*
 * Repairs, in an order whose cut leaves nothing worse than it was: entries that name what is not theirs are gone by now (and
 * durable before anything is counted free); then copied flags that allow writing to what is shared; then the refcounts; then
 * the flags that are only missing; then the marks of an image that is not clean.
 */
#include <errno.h>

#include "common/image/qcow2_refblock.h"
#include "common/image/qcow2_repair.h"

/* Refcounts of more bits where these are too small; -ERANGE where the version has no others. */
static int
wide_enough(struct repair *r, unsigned *order)
{
	const struct qcow2 *q = r->census.q;
	uint64_t largest = counts_largest(r->census.found);

	*order = q->refcount_order;
	while (*order < 6 && largest > refblock_largest(*order))
		++*order;
	return *order != q->refcount_order && q->version < 3 ? -ERANGE : 0;
}

/* The structure that there is now goes: what is counted is all but it. */
static int
build_anew(struct repair *r, unsigned order)
{
	struct counts *found = r->census.found;
	int err = 0;

	for (uint64_t i = 0; (i = counts_next(r->structure, i, COUNTS_MAX)) != UINT64_MAX && !err; i++)
		err = counts_set(found, i, counts_get(found, i) - counts_get(r->structure, i));
	if (err)
		return err;
	r->census.found = r->stored.counts;
	r->stored.counts = found;
	r->stored.room = 0;
	return refs_rebuild(&r->stored, order);
}

static int
store(struct repair *r)
{
	unsigned order;
	int err = wide_enough(r, &order);

	if (err) {
		census_error(&r->census, false, "there are more references to a cluster than this image can count");
		return 0;
	}
	if (r->fix & CHECK_FIX_ERRORS && (r->rebuild || order != r->census.q->refcount_order))
		return build_anew(r, order);
	return r->rebuild ? 0 : refs_store(&r->stored);
}

static int
mark_clean(struct repair *r)
{
	struct qcow2 *q = r->census.q;

	if (r->census.check->errors || q->version < 3 || !(q->incompatible & (QCOW2_DIRTY | QCOW2_CORRUPT)))
		return 0;
	q->incompatible &= ~(QCOW2_DIRTY | QCOW2_CORRUPT);
	return qcow2_switch_header(q);
}

int
repair(struct repair *r)
{
	struct census *c = &r->census;
	/* With leaks alone, flags only where the refcounts are true by then. */
	bool flags = r->fix & CHECK_FIX_ERRORS || (!c->check->errors && !c->check->leaks);
	int err = flags ? flags_walk(c, c->found, FLAGS_CLEAR) : 0;

	if (!err)
		err = c->cut_snapshots && c->mend ? qcow2_switch_header(c->q) : qcow2_sync(c->q);
	if (!err)
		err = store(r);
	if (!err && r->before)
		err = refs_give_back(&r->stored, r->before);
	if (!err)
		err = flags ? flags_walk(c, r->stored.counts, FLAGS_SET) : flags_walk(c, r->stored.counts, FLAGS_TELL);
	if (!err)
		err = qcow2_sync(c->q);
	if (!err)
		err = mark_clean(r);
	return err ? err : qcow2_reload(c->q);
}
