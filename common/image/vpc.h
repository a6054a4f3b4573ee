/* SPDX-License-Identifier: ISC */
/*
 * VHD, which QEMU calls vpc: the layout. Numbers are big-endian. "VHD spec" is Microsoft's Virtual Hard Disk Image Format
 * Specification, 1.0.
 */
#ifndef COMMON_IMAGE_VPC_H
#define COMMON_IMAGE_VPC_H

#include <stddef.h>
#include <stdint.h>

#define VPC_SECTOR 512
#define VPC_UNUSED 0xffffffff		 /* an entry of the BAT */
#define VPC_SECTORS_MAX 0xff000000	 /* 2040 GiB, the most that a disk can have */
#define VPC_GEOMETRY_MAX (65535 * 16 * 255)

/* Hard Disk Footer Format; at the end, and of a dynamic disk at the beginning too. */
enum {
	FOOTER_COOKIE = 0, /* "conectix" */
	FOOTER_FEATURES = 8,
	FOOTER_VERSION = 12,
	FOOTER_DATA_OFFSET = 16, /* of the dynamic header */
	FOOTER_TIME = 24,	 /* seconds since VPC_EPOCH */
	FOOTER_CREATOR = 28,
	FOOTER_CREATOR_VERSION = 32,
	FOOTER_CREATOR_OS = 36,
	FOOTER_ORIGINAL_SIZE = 40,
	FOOTER_SIZE = 48,
	FOOTER_CYLINDERS = 56,
	FOOTER_HEADS = 58,
	FOOTER_SECTORS = 59,
	FOOTER_TYPE = 60,
	FOOTER_SUM = 64,
	FOOTER_UUID = 68,
	FOOTER_LEN = 512,
};
#define VPC_EPOCH 946684800 /* 2000-01-01 UTC */

enum vpc_type {
	VPC_FIXED = 2,
	VPC_DYNAMIC = 3,
	VPC_DIFFERENCING = 4,
};

/* Dynamic Disk Header Format */
enum {
	DYNAMIC_COOKIE = 0, /* "cxsparse" */
	DYNAMIC_DATA_OFFSET = 8,
	DYNAMIC_TABLE = 16,
	DYNAMIC_VERSION = 24,
	DYNAMIC_ENTRIES = 28,
	DYNAMIC_BLOCK = 32,
	DYNAMIC_SUM = 36,
	DYNAMIC_LEN = 1024,
};

/* Of a footer or header, whose own field for it is at `at`: the complement of the sum of all other bytes. */
uint32_t vpc_sum(const uint8_t *p, size_t n, size_t at);

struct image_create;
struct why;
const char *vpc_create(const struct image_create *c, struct why *w);

#endif
