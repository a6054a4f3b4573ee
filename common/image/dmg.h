/* SPDX-License-Identifier: ISC */
/* What the parts of UDIF share. */
#ifndef COMMON_IMAGE_DMG_H
#define COMMON_IMAGE_DMG_H

#include "common/image/image.h"
#include "common/util.h"

#define DMG_KOLY 512 /* the trailer that the image is found by */

/* Types of chunks. */
#define DMG_ZERO 0u
#define DMG_RAW 1u
#define DMG_IGNORE 2u /* never written: as good as zeroes */
#define DMG_ADC 0x80000004u
#define DMG_ZLIB 0x80000005u
#define DMG_BZIP2 0x80000006u
#define DMG_LZFSE 0x80000007u
#define DMG_LZMA 0x80000008u
#define DMG_COMMENT 0x7ffffffeu
#define DMG_END 0xffffffffu

struct dmg_chunk {
	uint64_t first, count; /* sectors of the disk; of a compressed one, a UNIT_MAX at most */
	uint64_t off;	       /* in the file */
	uint32_t len;	       /* there, of a compressed one; not 0 */
	uint32_t type;
};

struct dmg {
	struct image image;
	struct dmg_chunk *chunks;
	size_t n, room;
	bool any_method; /* chunks that cannot be unpacked are borne */
};

static inline struct dmg *
dmg_of(struct image *i)
{
	return container_of(i, struct dmg, image);
}

/* Fills in chunks, in any order, and the image's size. */
const char *dmg_tables(struct dmg *d, struct file *f, struct why *w);

#endif
