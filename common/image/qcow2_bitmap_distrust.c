/* SPDX-License-Identifier: ISC */
/*
 * Bitmaps while the disk is written to. Enabled ones are not kept here: they are marked as in use, which is what they would be
 * after a crash, so that nobody takes them for true. Those that are disabled tell of a time before, and stay.
 */
#include "common/bytes.h"
#include "common/image/qcow2_bitmap.h"

/* Sets the flag of each where it is: one write of four bytes. */
static int
mark_in_use(struct qcow2 *q, const struct bitmaps *b)
{
	uint64_t at = b->offset;
	uint8_t flags[4];
	int err = 0;

	for (size_t i = 0; i < b->n && !err; at += bitmap_entry_size(&b->list[i++])) {
		if (!(b->list[i].flags & BITMAP_AUTO))
			continue;
		put_be32(flags, b->list[i].flags | BITMAP_IN_USE);
		err = file_write(q->image.file, flags, sizeof(flags), at + BITMAP_AT_FLAGS);
	}
	return err || !b->n ? err : qcow2_sync(q);
}

int
qcow2_bitmaps_give_up(struct qcow2 *q)
{
	if (!bitmaps_present(q))
		return 0;
	q->autoclear &= ~QCOW2_BITMAPS;
	return qcow2_switch_header(q);
}

int
qcow2_bitmaps_distrust(struct qcow2 *q)
{
	struct bitmaps b;
	struct why w;
	int err = bitmaps_load(&b, q, &w) ? qcow2_bitmaps_give_up(q) : mark_in_use(q, &b);

	bitmaps_free(&b);
	return err;
}
