/* SPDX-License-Identifier: ISC */
/* Persistent dirty bitmaps: which parts of the disk changed. qcow2.txt, "Bitmaps". */
#ifndef COMMON_IMAGE_QCOW2_BITMAP_H
#define COMMON_IMAGE_QCOW2_BITMAP_H

#include "common/image/qcow2_refs.h"

#define BITMAPS_MAX 65535
#define BITMAP_DIRECTORY_MAX (BITMAPS_MAX * 1024) /* bytes */
#define BITMAP_NAME_MAX 1023
#define BITMAP_BYTES_MAX (512ULL << 20) /* of one bitmap's bits */
#define BITMAP_TABLE_MAX 0x8000000	/* entries */

/* Flags of a directory entry. */
#define BITMAP_IN_USE 1U /* was not saved: its bits are not true */
#define BITMAP_AUTO 2U	 /* enabled: whoever writes to the disk notes it here */
#define BITMAP_EXTRA_COMPATIBLE 4U
#define BITMAP_FLAGS_KNOWN 7U
#define BITMAP_DIRTY_TRACKING 1 /* the one type there is */

/* An entry of a bitmap's table: a cluster of bits; without one, all of them as bit 0 says. */
#define BITMAP_OFFSET 0x00fffffffffffe00ULL
#define BITMAP_RESERVED 0xff000000000001feULL
#define BITMAP_ONES 1ULL

struct bitmap {
	char *name;
	uint64_t table_offset;
	uint32_t table_size; /* entries */
	uint32_t flags;
	uint8_t type, granularity_bits;
	uint32_t extra_size;
	uint8_t *extra; /* of a later version: kept */
};

struct bitmaps {
	struct bitmap *list;
	size_t n;
	uint64_t offset, bytes; /* of the directory */
};

/* Whether the image has bitmaps that may be trusted: their autoclear bit is set. */
bool bitmaps_present(struct qcow2 *q);

/* Reads the directory; none present: an empty one. 0, or -errno with the reason; bitmaps_free in any case. */
int bitmaps_load(struct bitmaps *b, struct qcow2 *q, struct why *w);
void bitmaps_free(struct bitmaps *b);

#endif
