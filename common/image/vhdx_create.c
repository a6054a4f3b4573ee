/* SPDX-License-Identifier: ISC */
/* Making VHDX images: header section, log, block allocation table, metadata, in this order; of a fixed one the blocks too. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/vhdx.h"

#define LOG_LEN_MAX (UINT32_MAX & ~(VHDX_MIB - 1))

struct plan {
	uint64_t size, blocks;
	struct vhdx_region log, bat, metadata;
	uint32_t block, ratio;
	bool fixed, zero; /* zero: blocks of a dynamic disk are BLOCK_ZERO, not BLOCK_NOT_PRESENT */
};

/* As QEMU: the larger a disk, the larger its blocks. */
static uint32_t
block_for(uint64_t size)
{
	const uint64_t gib = 1 << 30;

	return (uint32_t)(size > (32 << 10) * gib ? 64 : size > 100 * gib ? 32 : size > gib ? 16 : 8) << 20;
}

static const char *
make_plan(struct plan *p, const struct image_create *c, struct why *w)
{
	const struct image_setting *sub = image_setting(c, "subformat");
	uint64_t block = image_number(c, "block_size", 0), log = image_number(c, "log_size", VHDX_MIB), entries;

	if (c->backing_name)
		return why(w, "a VHDX image has no backing image here: differencing ones are not supported");
	if (sub && strcmp(sub->text, "fixed") && strcmp(sub->text, "dynamic"))
		return why(w, "subformat is dynamic or fixed, not %s", sub->text);
	if (log < VHDX_MIB || log > LOG_LEN_MAX)
		return why(w, "log_size is 1M to 4095M");
	if (c->size > VHDX_SIZE_MAX)
		return why(w, "a VHDX image has at most 64T");
	if (!block)
		block = block_for(c->size);
	if (block < VHDX_MIB || block > 256 * VHDX_MIB || block & (block - 1))
		return why(w, "block_size is a power of two from 1M to 256M");
	p->size = align_up(c->size, 512);
	p->block = (uint32_t)block;
	p->ratio = (uint32_t)(((uint64_t)512 << 23) / block);
	p->blocks = (p->size + block - 1) / block;
	p->fixed = sub && !strcmp(sub->text, "fixed");
	p->zero = image_number(c, "block_state_zero", 1);
	entries = p->blocks ? p->blocks + (p->blocks - 1) / p->ratio : 1;
	p->log = (struct vhdx_region){VHDX_MIB, align_up(log, VHDX_MIB)};
	p->bat = (struct vhdx_region){p->log.at + p->log.len, align_up(entries * 8, VHDX_MIB)};
	p->metadata = (struct vhdx_region){p->bat.at + p->bat.len, VHDX_MIB};
	return NULL;
}

/* 2.6.1 Metadata Table, and its items, one after another behind it. */
static int
write_metadata(const struct plan *p, struct file *f)
{
	static const struct {
		const uint8_t *guid;
		uint8_t len, flags; /* required; all but the first are of the disk, not the file */
	} items[] = {
	    {vhdx_item_parameters, 8, 4},
	    {vhdx_item_size, 8, 6},
	    {vhdx_item_page83, 16, 6},
	    {vhdx_item_logical, 4, 6},
	    {vhdx_item_physical, 4, 6},
	};
	uint8_t *m = calloc(1, METADATA_TABLE + VHDX_SECTOR), *value = m + METADATA_TABLE;
	uint32_t at = METADATA_TABLE;
	int err;

	if (!m)
		return -ENOMEM;
	memcpy(m, "metadata", 8);
	put_le16(m + METADATA_COUNT, 5);
	for (unsigned n = 0; n < 5; n++) {
		uint8_t *e = m + METADATA_ENTRY + n * ITEM_LEN;

		memcpy(e, items[n].guid, VHDX_GUID);
		put_le32(e + ITEM_AT, at);
		put_le32(e + ITEM_SIZE, items[n].len);
		put_le32(e + ITEM_FLAGS, items[n].flags);
		at += items[n].len;
	}
	put_le32(value, p->block);
	put_le32(value + 4, p->fixed ? VHDX_LEAVE_ALLOCATED : 0);
	put_le64(value + 8, p->size);
	put_le32(value + 32, 512);
	put_le32(value + 36, 512);
	err = vhdx_guid(value + 16) ? file_write(f, m, METADATA_TABLE + VHDX_SECTOR, p->metadata.at) : -EIO;
	free(m);
	return err;
}

/* A BAT in the making, written a part at a time. */
struct bat {
	struct file *file;
	uint64_t at;
	size_t used;
	uint8_t part[VHDX_SECTOR];
};

static int
bat_write(struct bat *b)
{
	int err = file_write(b->file, b->part, b->used, b->at);

	b->at += b->used;
	b->used = 0;
	return err;
}

static int
bat_add(struct bat *b, uint64_t entry)
{
	put_le64(b->part + b->used, entry);
	b->used += 8;
	return b->used == sizeof(b->part) ? bat_write(b) : 0;
}

/* Blocks of a fixed disk lie one after another behind the metadata. */
static int
write_bat(const struct plan *p, struct file *f)
{
	uint64_t first = p->metadata.at + p->metadata.len;
	struct bat b = {.file = f, .at = p->bat.at};
	int err = 0;

	if (!p->fixed && !p->zero)
		return 0;
	for (uint64_t n = 0; n < p->blocks && !err; n++) {
		if (n && n % p->ratio == 0)
			err = bat_add(&b, 0); /* of a bitmap of sectors, which is not there */
		if (!err)
			err = bat_add(&b, p->fixed ? (first + n * p->block) | BLOCK_PRESENT : BLOCK_ZERO);
	}
	return err ? err : bat_write(&b);
}

static int
write_regions(const struct plan *p, struct file *f)
{
	uint8_t *t = calloc(1, VHDX_REGIONS_LEN);
	int err;

	if (!t)
		return -ENOMEM;
	memcpy(t, "regi", 4);
	put_le32(t + REGIONS_COUNT, 2);
	for (unsigned n = 0; n < 2; n++) {
		const struct vhdx_region *r = n ? &p->metadata : &p->bat;
		uint8_t *e = t + REGIONS_ENTRY + n * REGION_LEN;

		memcpy(e, n ? vhdx_region_metadata : vhdx_region_bat, VHDX_GUID);
		put_le64(e + REGION_AT, r->at);
		put_le32(e + REGION_SIZE, (uint32_t)r->len);
		put_le32(e + REGION_REQUIRED, 1);
	}
	put_le32(t + REGIONS_SUM, vhdx_sum(t, VHDX_REGIONS_LEN, REGIONS_SUM));
	err = file_write(f, t, VHDX_REGIONS_LEN, VHDX_REGIONS_AT(0));
	if (!err)
		err = file_write(f, t, VHDX_REGIONS_LEN, VHDX_REGIONS_AT(1));
	free(t);
	return err;
}

static int
write_headers(const struct plan *p, struct file *f)
{
	/* The creator, for people: UTF-16. */
	static const uint8_t identifier[] = "vhdxfilek\0v\0m\0-\0u\0t\0i\0l\0s";
	struct vhdx v = {.current = 1};
	int err = file_write(f, identifier, sizeof(identifier), 0);

	memcpy(v.header, "head", 4);
	if (!vhdx_guid(v.header + HEADER_FILE_GUID) || !vhdx_guid(v.header + HEADER_DATA_GUID))
		return -EIO;
	put_le16(v.header + HEADER_VERSION, 1);
	put_le32(v.header + HEADER_LOG_LEN, (uint32_t)p->log.len);
	put_le64(v.header + HEADER_LOG_AT, p->log.at);
	for (unsigned n = 0; n < 2 && !err; n++)
		err = vhdx_write_header(&v, f);
	return err;
}

const char *
vhdx_create(const struct image_create *c, struct why *w)
{
	struct plan p = {0};
	const char *reason = make_plan(&p, c, w);
	int err;

	if (reason)
		return reason;
	err = file_truncate(c->file, p.metadata.at + p.metadata.len + (p.fixed ? p.blocks * p.block : 0));
	if (!err)
		err = write_bat(&p, c->file);
	if (!err)
		err = write_metadata(&p, c->file);
	if (!err)
		err = write_regions(&p, c->file);
	if (!err)
		err = write_headers(&p, c->file);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}
