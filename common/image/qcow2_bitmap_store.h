/* SPDX-License-Identifier: ISC */
/* A change of the bitmaps of an image: begun, made in memory and in clusters that nothing names, committed. */
#ifndef COMMON_IMAGE_QCOW2_BITMAP_STORE_H
#define COMMON_IMAGE_QCOW2_BITMAP_STORE_H

#include "common/image/qcow2_bitmap.h"

struct bitmap_change {
	struct qcow2 *q;
	struct refs refs;
	struct bitmaps bitmaps; /* as they are to be */
	struct range_list {	/* clusters that are not used any more */
		struct range_of_file {
			uint64_t off, len;
		} *list;
		size_t n;
	} gone;
};

/* 0 or -errno; bitmap_change_end in any case, which says what went wrong, or NULL, and makes the image the file's. */
int bitmap_change_begin(struct bitmap_change *c, struct image *i, struct why *w);
const char *bitmap_change_end(struct bitmap_change *c, int err, struct why *w);

/* The directory as it is now becomes the image's. */
int bitmap_change_commit(struct bitmap_change *c);

/* The bitmap's bits are these from now on, in new clusters; NULL: none is set. What it had is gone by the commit. */
int bitmap_write(struct bitmap_change *c, struct bitmap *m, const uint8_t *bits);
int bitmap_drop(struct bitmap_change *c, const struct bitmap *m);

#endif
