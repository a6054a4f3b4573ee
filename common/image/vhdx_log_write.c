/* SPDX-License-Identifier: ISC */
/* Tables of a VHDX image that are written by way of the log. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/vhdx_log.h"

#define PAGES_MAX 126 /* as many descriptors as the first sector of an entry holds */

static uint8_t *
descriptor(struct vhdx *v, unsigned n)
{
	return v->entry + ENTRY_HEAD + (size_t)n * DESC_LEN;
}

static uint8_t *
page(struct vhdx *v, unsigned n)
{
	return v->entry + (size_t)(n + 1) * VHDX_SECTOR;
}

/* v->entry, of pages and descriptors that say where each is to be, becomes a log entry. */
static void
make_entry(struct vhdx *v, uint32_t at)
{
	uint8_t *p = v->entry;
	uint32_t len = (v->npages + 1) * VHDX_SECTOR;

	memcpy(p, "loge", 4);
	put_le32(p + ENTRY_LEN, len);
	put_le32(p + ENTRY_TAIL, at);
	put_le64(p + ENTRY_SEQUENCE, ++v->log_sequence);
	put_le32(p + ENTRY_COUNT, v->npages);
	memcpy(p + ENTRY_GUID, v->header + HEADER_LOG_GUID, VHDX_GUID);
	put_le64(p + ENTRY_FLUSHED, v->image.file->size);
	put_le64(p + ENTRY_LAST, v->image.file->size);
	for (unsigned n = 0; n < v->npages; n++) {
		uint8_t *d = descriptor(v, n), *data = page(v, n);

		memcpy(d, "desc", 4);
		memcpy(d + DESC_LEADING, data, 8);
		memcpy(d + DESC_TRAILING, data + VHDX_SECTOR - 4, 4);
		put_le64(d + DESC_SEQUENCE, v->log_sequence);
		memcpy(data, "data", 4);
		put_le32(data + DATA_SEQUENCE_HIGH, (uint32_t)(v->log_sequence >> 32));
		put_le32(data + DATA_SEQUENCE_LOW, (uint32_t)v->log_sequence);
	}
	put_le32(p + ENTRY_SUM, vhdx_sum(p, len, ENTRY_SUM));
}

static int
write_pages(struct vhdx *v)
{
	int err = 0;

	for (unsigned n = 0; n < v->npages && !err; n++) {
		uint8_t *d = descriptor(v, n), *data = page(v, n);

		memcpy(data, d + DESC_LEADING, 8);
		memcpy(data + VHDX_SECTOR - 4, d + DESC_TRAILING, 4);
		err = file_write(v->image.file, data, VHDX_SECTOR, get_le64(d + DESC_AT));
	}
	return err ? err : file_flush(v->image.file);
}

/*
 * The entry is on disk before a header says that there is one, and then before a page is written; in turn in the one half
 * of the log and the other, so that a header never speaks of a log without a whole entry.
 */
static int
commit(struct vhdx *v)
{
	struct file *f = v->image.file;
	uint32_t at = v->slot ? (uint32_t)(v->log.len / 2) : 0;
	int err;

	if (!vhdx_guid(v->header + HEADER_LOG_GUID))
		return -EIO;
	make_entry(v, at);
	err = file_write(f, v->entry, (size_t)(v->npages + 1) * VHDX_SECTOR, v->log.at + at);
	if (!err)
		err = file_flush(f);
	if (!err)
		err = vhdx_write_header(v, f);
	if (!err)
		err = write_pages(v);
	if (!err)
		err = vhdx_log_empty(v, f);
	v->slot ^= 1;
	v->npages = 0;
	return err;
}

/* A sector of the log is more than the last page of the BAT may be. */
static int
add_page(void *user, const void *buf, size_t len, uint64_t off)
{
	struct vhdx *v = user;
	int err = v->npages == PAGES_MAX ? commit(v) : 0;

	if (!err)
		err = vhdx_read(v, v->image.file, page(v, v->npages) + len, VHDX_SECTOR - len, off + len);
	if (err)
		return err;
	if (!v->npages)
		memset(v->entry, 0, VHDX_SECTOR);
	memcpy(page(v, v->npages), buf, len);
	put_le64(descriptor(v, v->npages++) + DESC_AT, off);
	return 0;
}

int
vhdx_log_write(struct vhdx *v)
{
	int err;

	if (v->broken)
		return -EIO;
	if (!v->entry)
		v->entry = malloc((size_t)(PAGES_MAX + 1) * VHDX_SECTOR);
	if (!v->entry)
		return -ENOMEM;
	err = tables_write(v->tables, add_page, v);
	if (!err && v->npages)
		err = commit(v);
	v->broken = err;
	return err;
}
