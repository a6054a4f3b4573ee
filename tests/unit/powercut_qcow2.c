/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/past.c tests/powercut.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * What changes a qcow2 image as a whole, cut at every point of it: snapshots, bitmaps, refcounts of another width, compact. See
 * tests/powercut.h. `powercut_qcow2 SEED COUNT` runs other lives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/formats.h"
#include "common/image/qcow2_bitmap.h"
#include "common/image/qcow2_compact.h"
#include "common/image/qcow2_snapshot.h"
#include "common/util.h"
#include "tests/powercut.h"
#include "tests/unit/amend.h"
#include "tests/unit/tap.h"

static const char *const shapes[] = {"", "cluster_size=512", "cluster_size=4k,refcount_bits=64", "cluster_size=16k,extended_l2=on"};

static const char *
one_change(struct cut *c, struct why *w)
{
	static const uint64_t widths[] = {8, 16, 32, 64};
	struct qcow2 *q = qcow2_of(c->image);
	struct qcow2_gain gain = {.before = 0};

	switch (cut_rand(c, 7)) {
	case 0:
	case 1: return q->nsnapshots < 6 ? qcow2_snapshot_create(c->image, "snapshot", w) : NULL;
	case 2: return q->nsnapshots ? qcow2_snapshot_delete(c->image, &q->snapshots[cut_rand(c, q->nsnapshots)], w) : NULL;
	case 3: return amend(c->image, "refcount_bits", "", widths[cut_rand(c, 4)], w);
	case 4: return qcow2_compact(c->image, &gain, w);
	case 5: return bitmaps_present(q) ? qcow2_bitmap_enable(c->image, "bitmap", cut_rand(c, 2), w)
					  : qcow2_bitmap_add(c->image, "bitmap", 512, w);
	default: return bitmaps_present(q) ? qcow2_bitmap_remove(c->image, "bitmap", w) : NULL;
	}
}

static void
live(const char *shape, uint64_t seed)
{
	const char *reason = NULL;
	struct why w;
	struct cut c;

	cut_begin(&c, &format_qcow2, shape, false, seed);
	for (unsigned n = 0; n < 12 && !reason; n++) {
		cut_change(&c);
		cut_change(&c);
		cut_flush(&c);
		cut_step(&c);
		reason = c.image ? one_change(&c, &w) : NULL;
	}
	ok(!reason, "%s: seed %llu: it can be done", shape, (unsigned long long)seed);
	if (reason)
		printf("# %s\n", reason);
	ok(cut_replay(&c, 1), "%s: seed %llu: a cut leaves leaks at worst, or is put right by opening", shape, (unsigned long long)seed);
	if (c.failed)
		printf("# cut at change %zu of %zu: %s\n", c.cut_at, c.log.n, c.failed);
	cut_end(&c);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	for (uint64_t seed = first; seed < first + count; seed++)
		for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
			live(shapes[i], seed);
	return tap_done();
}
