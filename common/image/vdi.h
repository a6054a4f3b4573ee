/* SPDX-License-Identifier: ISC */
/* What the parts of VDI share: the header's layout, an open image. Numbers are little-endian. */
#ifndef COMMON_IMAGE_VDI_H
#define COMMON_IMAGE_VDI_H

#include "common/image/image.h"
#include "common/image/table.h"
#include "common/util.h"

#define VDI_TEXT "<<< Oracle VM VirtualBox Disk Image >>>\n" /* any would do; VirtualBox's own */
#define VDI_MAGIC 0xbeda107fu
#define VDI_VERSION_1_1 0x00010001u
#define VDI_DYNAMIC 1
#define VDI_STATIC 2
#define VDI_BLOCK (1u << 20)
#define VDI_BLOCKS_MAX 0x3fffffffu /* QEMU's: a map of less than 4 GiB */

/* Entries of the map, besides the number of a block in the file. */
#define VDI_FREE UINT32_MAX	       /* reads as zeroes */
#define VDI_DISCARDED (UINT32_MAX - 1) /* likewise */

enum {
	VDI_SIGNATURE = 64,
	VDI_VERSION = 68,
	VDI_REST_SIZE = 72, /* of the header, from here on */
	VDI_TYPE = 76,
	VDI_MAP_AT = 340,
	VDI_DATA_AT = 344,
	VDI_SECTOR_SIZE = 360,
	VDI_DISK_SIZE = 368,
	VDI_BLOCK_SIZE = 376,
	VDI_BLOCK_EXTRA = 380,
	VDI_BLOCKS = 384,
	VDI_ALLOCATED = 388,
	VDI_UUID = 392,
	VDI_UUID_SNAPSHOT = 408,
	VDI_UUID_LINK = 424,
	VDI_UUID_PARENT = 440,
	VDI_REST = 0x180,
	VDI_HEADER = 512,
};

struct vdi {
	struct image image;
	struct tables *tables;
	struct table map;
	uint64_t data;	     /* where blocks begin in the file */
	uint32_t blocks;     /* of the disk */
	uint32_t allocated;  /* blocks of the file, as its header says */
	uint32_t *owner;     /* of each block of the file: 1 + the block of the disk that it is, 0: none; NULL: not known yet */
	uint32_t free;	     /* below it, all are owned */
	bool unsafe;
};

static inline struct vdi *
vdi_of(struct image *i)
{
	return container_of(i, struct vdi, image);
}

static inline bool
vdi_used(uint32_t entry)
{
	return entry < VDI_DISCARDED;
}

static inline uint64_t
vdi_at(const struct vdi *v, uint32_t place)
{
	return v->data + (uint64_t)place * VDI_BLOCK;
}

/* The map's entry of a block, whatever it is; sets one, to be written behind what was written so far. */
int vdi_entry(struct vdi *v, uint32_t block, uint32_t *entry);
int vdi_point(struct vdi *v, uint32_t block, uint32_t place);

int vdi_set_allocated(struct vdi *v, uint32_t n);
int vdi_flush(struct image *i);

const char *vdi_check(struct image *i, unsigned fix, struct image_check *c, struct why *w);

#endif
