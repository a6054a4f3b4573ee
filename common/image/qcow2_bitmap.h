/* SPDX-License-Identifier: ISC */
/* Persistent dirty bitmaps: which parts of the disk changed. qcow2.txt, "Bitmaps". */
#ifndef COMMON_IMAGE_QCOW2_BITMAP_H
#define COMMON_IMAGE_QCOW2_BITMAP_H

#include "common/image/qcow2_refs.h"

#define BITMAPS_MAX 65535
#define BITMAP_DIRECTORY_MAX (BITMAPS_MAX * 1024) /* bytes */
#define BITMAP_NAME_MAX 1023
#define BITMAP_EXTENSION 24 /* bytes of the header extension: number, size and place of the directory */
#define BITMAP_ENTRY 24 /* bytes of a directory entry that are always there */
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

/* Bytes of its directory entry, and where in it the flags are. */
uint64_t bitmap_entry_size(const struct bitmap *m);
#define BITMAP_AT_FLAGS 12

/* The bitmap of that name, or NULL. */
struct bitmap *bitmap_find(struct bitmaps *b, const char *name);

/* Its bits for a disk of that size: how many bytes; they are allocated, the first one's lowest bit being the disk's begin. */
uint64_t bitmap_bytes(const struct bitmap *m, uint64_t size);
int bitmap_read(struct qcow2 *q, const struct bitmap *m, uint8_t **bits);

/* For info: the list, under its key; nothing where there is none. */
void bitmaps_describe(struct qcow2 *q, struct describe *d);

/*
 * Changes of an image that is open for writing; NULL, or the reason. The new directory is whole before the header names it;
 * what a cut leaves are leaks, and bitmaps that are not trusted at worst.
 */
/* Granularity: bytes of the disk that a bit tells of; 0: the usual one, a cluster between 4 and 64 KiB. */
const char *qcow2_bitmap_add(struct image *i, const char *name, uint64_t granularity, struct why *w);
const char *qcow2_bitmap_remove(struct image *i, const char *name, struct why *w);
const char *qcow2_bitmap_clear(struct image *i, const char *name, struct why *w);
const char *qcow2_bitmap_enable(struct image *i, const char *name, bool enable, struct why *w);
/* What is set in the bitmap of `from`, which may be the same image, is set in this one too. */
const char *qcow2_bitmap_merge(struct image *i, const char *name, struct image *from, const char *source, struct why *w);

/*
 * All bitmaps of `from`, added to this image, which has none of their names. Those that were not saved are a reason to fail,
 * unless they are to be passed over.
 */
const char *qcow2_bitmaps_copy(struct image *i, struct image *from, bool skip_broken, struct why *w);

#endif
