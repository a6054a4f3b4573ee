/* SPDX-License-Identifier: ISC */
/*
 * VHDX: the layout, and what its parts are to each other. Numbers are little-endian. "MS-VHDX" is Microsoft's [MS-VHDX]:
 * Virtual Hard Disk v2 (VHDX) File Format.
 */
#ifndef COMMON_IMAGE_VHDX_H
#define COMMON_IMAGE_VHDX_H

#include "common/image/image.h"
#include "common/image/table.h"

#define VHDX_MIB ((uint64_t)1 << 20)
#define VHDX_SIZE_MAX ((uint64_t)64 << 40)
#define VHDX_SECTOR 4096 /* of the log; tables are logged in such pieces */
#define VHDX_GUID 16

/* 2.2 Header Section: an identifier, two headers of which the one with the higher number counts, two equal region tables. */
#define VHDX_HEADER_AT(n) ((uint64_t)((n) + 1) << 16)
#define VHDX_HEADER_LEN 4096
#define VHDX_REGIONS_AT(n) ((uint64_t)((n) + 3) << 16)
#define VHDX_REGIONS_LEN (64 << 10)
enum {
	HEADER_SUM = 4,
	HEADER_SEQUENCE = 8,
	HEADER_FILE_GUID = 16, /* another one each time that the file is written */
	HEADER_DATA_GUID = 32, /* another one each time that the disk is */
	HEADER_LOG_GUID = 48,  /* zeroes: the log is empty */
	HEADER_LOG_VERSION = 64,
	HEADER_VERSION = 66,
	HEADER_LOG_LEN = 68,
	HEADER_LOG_AT = 72,
};
enum {
	REGIONS_SUM = 4,
	REGIONS_COUNT = 8,
	REGIONS_ENTRY = 16, /* the first of them, each of REGION_LEN bytes */
	REGION_AT = 16,	    /* behind its GUID */
	REGION_SIZE = 24,
	REGION_REQUIRED = 28,
	REGION_LEN = 32,
	REGIONS_MAX = 2047,
};

/* 2.6 Metadata Region */
enum {
	METADATA_COUNT = 10,
	METADATA_ENTRY = 32,
	ITEM_AT = 16, /* behind its GUID; from the region's start on */
	ITEM_SIZE = 20,
	ITEM_FLAGS = 24,
	ITEM_REQUIRED = 4,
	ITEM_LEN = 32,
	METADATA_MAX = 2047,
	METADATA_TABLE = 64 << 10, /* items lie behind it */
};
#define VHDX_LEAVE_ALLOCATED 1 /* file parameters: a fixed disk */
#define VHDX_HAS_PARENT 2

extern const uint8_t vhdx_region_bat[VHDX_GUID], vhdx_region_metadata[VHDX_GUID];
extern const uint8_t vhdx_item_parameters[VHDX_GUID], vhdx_item_size[VHDX_GUID], vhdx_item_page83[VHDX_GUID];
extern const uint8_t vhdx_item_logical[VHDX_GUID], vhdx_item_physical[VHDX_GUID], vhdx_item_parent[VHDX_GUID];

/* 2.5 BAT: where a block is, in MiB, and what it is */
#define BAT_AT(entry) ((entry) >> 20 << 20)
#define BAT_STATE(entry) ((unsigned)(entry)&7)
enum {
	BLOCK_NOT_PRESENT = 0,
	BLOCK_UNDEFINED = 1,
	BLOCK_ZERO = 2,
	BLOCK_UNMAPPED = 3,
	BLOCK_UNMAPPED_OLD = 5, /* of version 0.95 of the specification */
	BLOCK_PRESENT = 6,
	BLOCK_PARTIAL = 7, /* of a differencing disk */
};

struct vhdx_region {
	uint64_t at, len;
};

/* A piece of the log that is to be at `at` of the file. */
struct vhdx_patch {
	uint64_t at, len; /* len is VHDX_SECTOR where there are bytes */
	uint8_t *bytes;	  /* or NULL: zeroes */
};

struct vhdx {
	struct image image;
	uint8_t header[VHDX_HEADER_LEN]; /* the one that counts */
	unsigned current;		 /* its number, 0 or 1 */
	struct vhdx_region log, bat_region, metadata;
	uint32_t block, ratio; /* bytes of a block; blocks for each of which a bitmap's entry follows in the BAT */
	bool fixed;
	struct table bat;
	struct tables *tables;
	struct vhdx_patch *patches; /* what a log says that was not to be replayed into the file */
	size_t npatches;
	uint64_t log_last;	/* what size the file is to have, by its log */
	bool replayed;		/* a log was, at opening */
	bool begun;		/* the GUIDs are this writer's */
	bool broken;		/* a log entry could not be written or carried out: no table is written any more */
	unsigned slot;		/* half of the log that the next entry is for */
	uint64_t log_sequence;
	uint8_t *entry;		/* a log entry in the making, with npages pages */
	unsigned npages;
};

static inline struct vhdx *
vhdx_of(struct image *i)
{
	return (struct vhdx *)i;
}

/* CRC-32C of n bytes with those of the sum itself, at `at`, taken as zeroes. */
uint32_t vhdx_sum(const uint8_t *p, size_t n, size_t at);
bool vhdx_sum_right(const uint8_t *p, size_t n, size_t at);

/* A random GUID. False: there is no randomness. */
bool vhdx_guid(uint8_t *guid);

/* Finds the header that counts, the regions, the metadata; replays the log or keeps it in mind. */
const char *vhdx_load(struct vhdx *v, const struct image_open *how, struct why *w);

/* The file's bytes as the log has them. */
int vhdx_read(struct vhdx *v, struct file *f, void *buf, size_t len, uint64_t off);

/* Writes the header, changed in memory, over the other one: it counts from now on, and is on disk. */
int vhdx_write_header(struct vhdx *v, struct file *f);

/* vhdx_log.c: finds what is in the log (patches), carries it out, and forgets it. */
const char *vhdx_log_read(struct vhdx *v, struct file *f, struct why *w);
int vhdx_log_replay(struct vhdx *v, struct file *f);
void vhdx_log_drop(struct vhdx *v);

/* vhdx_log_write.c: writes the changed pages of the BAT, by way of the log; data is on disk already. All is on disk afterwards. */
int vhdx_log_write(struct vhdx *v);

const char *vhdx_create(const struct image_create *c, struct why *w);
const char *vhdx_check(struct image *i, unsigned fix, struct image_check *c, struct why *w);
/* The entry of block n; whether it can be where it says. */
int vhdx_entry(struct vhdx *v, uint64_t n, uint64_t *entry);
bool vhdx_sound(const struct vhdx *v, uint64_t n, uint64_t entry);

#endif
