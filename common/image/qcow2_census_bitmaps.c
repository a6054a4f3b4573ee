/* SPDX-License-Identifier: ISC */
/* The bitmap directory, the bitmaps' tables and their clusters. */
#include <errno.h>

#include "common/bytes.h"
#include "common/image/qcow2_bitmap.h"
#include "common/image/qcow2_census.h"

static int
piece(void *arg, uint64_t first, size_t n)
{
	struct census *c = arg;
	int err = 0;

	(void)first;
	for (size_t at = 0; at < n && !err; at += 8) {
		uint64_t entry = get_be64(c->l2.buf + at), off = entry & BITMAP_OFFSET;

		if (!off && !(entry & ~1ULL))
			continue;
		if (entry & BITMAP_RESERVED || (off && entry & 1) || off & (qcow2_cluster(c->q) - 1))
			census_error(c, false, "bitmap table entry %#llx is not valid", (unsigned long long)entry);
		else if (!census_count(c, off, qcow2_cluster(c->q), 1, &err))
			census_error(c, false, "bitmap table entry %#llx is past the end of the file", (unsigned long long)entry);
	}
	return err;
}

int
census_bitmaps(struct census *c)
{
	struct bitmaps b;
	struct why w;
	int err;

	if (!bitmaps_present(c->q))
		return 0;
	err = bitmaps_load(&b, c->q, &w);
	if (err == -EINVAL || err == -EIO) {
		census_error(c, false, "%s", w.text);
		err = 0;
	}
	if (!err)
		err = census_claim(c, b.offset, b.bytes, "bitmap directory", &(bool){false});
	for (size_t i = 0; i < b.n && !err; i++) {
		uint64_t len = 8ULL * b.list[i].table_size;
		bool ok;

		err = census_claim(c, b.list[i].table_offset, len, "bitmap table", &ok);
		if (ok && !err)
			err = table_walk(&c->l2, b.list[i].table_offset, len, piece, c);
	}
	bitmaps_free(&b);
	return err;
}
