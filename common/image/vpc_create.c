/* SPDX-License-Identifier: ISC */
/* Making VHD images: the geometry that a size gets, footer, dynamic header and an empty table. */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "common/bytes.h"
#include "common/image/image.h"
#include "common/image/vpc.h"

#define BLOCK (2 << 20)
#define TABLE (FOOTER_LEN + DYNAMIC_LEN)

struct geometry {
	uint32_t cylinders, heads, sectors;
};

/* VHD spec, Appendix: CHS Calculation. What it gives may hold a few sectors less than were asked for. */
static struct geometry
geometry_of(uint64_t total)
{
	struct geometry g = {.heads = 16};
	uint64_t tracks;

	if (total >= 65535 * 16 * 63) {
		g.sectors = 255;
		tracks = min_u64(total, VPC_GEOMETRY_MAX) / g.sectors;
	} else {
		g.sectors = 17;
		tracks = total / g.sectors;
		g.heads = (uint32_t)(tracks + 1023) / 1024;
		g.heads = g.heads < 4 ? 4 : g.heads;
		if (tracks >= g.heads * 1024 || g.heads > 16) {
			g.sectors = 31;
			g.heads = 16;
			tracks = total / g.sectors;
		}
		if (tracks >= g.heads * 1024) {
			g.sectors = 63;
			g.heads = 16;
			tracks = total / g.sectors;
		}
	}
	g.cylinders = (uint32_t)(tracks / g.heads);
	return g;
}

static uint64_t
geometry_sectors(struct geometry g)
{
	return (uint64_t)g.cylinders * g.heads * g.sectors;
}

/* The geometry that holds at least `total` sectors with the fewest more, or the largest. */
static struct geometry
geometry_for(uint64_t total)
{
	struct geometry g = {0};

	for (uint64_t n = total; geometry_sectors(g) < min_u64(total, VPC_GEOMETRY_MAX); n++)
		g = geometry_of(n);
	return g;
}

static void
make_footer(uint8_t *p, uint64_t size, struct geometry g, bool fixed, bool force_size)
{
	memset(p, 0, FOOTER_LEN);
	memcpy(p + FOOTER_COOKIE, "conectix", 8);
	put_be32(p + FOOTER_FEATURES, 2); /* reserved, always set */
	put_be32(p + FOOTER_VERSION, 0x00010000);
	put_be64(p + FOOTER_DATA_OFFSET, fixed ? UINT64_MAX : FOOTER_LEN);
	put_be32(p + FOOTER_TIME, (uint32_t)(time(NULL) - VPC_EPOCH));
	/* The names by which QEMU, and we, know later whether the size or the geometry counts. */
	memcpy(p + FOOTER_CREATOR, force_size ? "qem2" : "qemu", 4);
	put_be32(p + FOOTER_CREATOR_VERSION, 0x00050003); /* Virtual PC 2004's */
	memcpy(p + FOOTER_CREATOR_OS, "Wi2k", 4);
	put_be64(p + FOOTER_ORIGINAL_SIZE, size);
	put_be64(p + FOOTER_SIZE, size);
	put_be16(p + FOOTER_CYLINDERS, (uint16_t)g.cylinders);
	p[FOOTER_HEADS] = (uint8_t)g.heads;
	p[FOOTER_SECTORS] = (uint8_t)g.sectors;
	put_be32(p + FOOTER_TYPE, fixed ? VPC_FIXED : VPC_DYNAMIC);
}

static int
seal_footer(uint8_t *p)
{
	if (getrandom(p + FOOTER_UUID, 16, 0) != 16)
		return -EIO;
	p[FOOTER_UUID + 6] = (p[FOOTER_UUID + 6] & 0x0f) | 0x40; /* RFC 9562: random */
	p[FOOTER_UUID + 8] = (p[FOOTER_UUID + 8] & 0x3f) | 0x80;
	put_be32(p + FOOTER_SUM, vpc_sum(p, FOOTER_LEN, FOOTER_SUM));
	return 0;
}

static int
write_dynamic(struct file *f, const uint8_t *footer, uint64_t size)
{
	uint32_t entries = (uint32_t)((size + BLOCK - 1) / BLOCK);
	uint64_t end = align_up(TABLE + (uint64_t)entries * 4, VPC_SECTOR);
	uint8_t head[DYNAMIC_LEN] = "cxsparse", unused[16 << 10];
	int err;

	put_be64(head + DYNAMIC_DATA_OFFSET, UINT64_MAX);
	put_be64(head + DYNAMIC_TABLE, TABLE);
	put_be32(head + DYNAMIC_VERSION, 0x00010000);
	put_be32(head + DYNAMIC_ENTRIES, entries);
	put_be32(head + DYNAMIC_BLOCK, BLOCK);
	put_be32(head + DYNAMIC_SUM, vpc_sum(head, DYNAMIC_LEN, DYNAMIC_SUM));
	memset(unused, 0xff, sizeof(unused));
	err = file_write(f, footer, FOOTER_LEN, 0);
	if (!err)
		err = file_write(f, head, DYNAMIC_LEN, FOOTER_LEN);
	for (uint64_t at = TABLE, n; at < end && !err; at += n) {
		n = min_u64(end - at, sizeof(unused));
		err = file_write(f, unused, n, at);
	}
	return err ? err : file_write(f, footer, FOOTER_LEN, end);
}

const char *
vpc_create(const struct image_create *c, struct why *w)
{
	const struct image_setting *sub = image_setting(c, "subformat");
	bool fixed = sub && !strcmp(sub->text, "fixed"), force_size = image_number(c, "force_size", 0);
	uint64_t sectors = (c->size + VPC_SECTOR - 1) / VPC_SECTOR;
	struct geometry g = {65535, 16, 255};
	uint8_t footer[FOOTER_LEN];
	int err;

	if (c->backing_name)
		return why(w, "a VHD image has no backing image here: differencing ones are not supported");
	if (sub && !fixed && strcmp(sub->text, "dynamic"))
		return why(w, "subformat is dynamic or fixed, not %s", sub->text);
	if (!force_size)
		g = geometry_for(sectors);
	if (geometry_sectors(g) != VPC_GEOMETRY_MAX)
		sectors = geometry_sectors(g);
	if (sectors > VPC_SECTORS_MAX)
		return why(w, "a VHD image has at most 2040 GiB");
	make_footer(footer, sectors * VPC_SECTOR, g, fixed, force_size);
	err = seal_footer(footer);
	if (!err && fixed)
		err = file_write(c->file, footer, FOOTER_LEN, sectors * VPC_SECTOR);
	else if (!err)
		err = write_dynamic(c->file, footer, sectors * VPC_SECTOR);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}
