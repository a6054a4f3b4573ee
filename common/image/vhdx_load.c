/* SPDX-License-Identifier: ISC */
/* Opening VHDX images: headers, regions, metadata. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/image/vhdx.h"

const uint8_t vhdx_region_bat[] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
const uint8_t vhdx_region_metadata[] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
const uint8_t vhdx_item_parameters[] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
const uint8_t vhdx_item_size[] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
const uint8_t vhdx_item_page83[] = {0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46};
const uint8_t vhdx_item_logical[] = {0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};
const uint8_t vhdx_item_physical[] = {0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56};
const uint8_t vhdx_item_parent[] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

uint32_t
vhdx_sum(const uint8_t *p, size_t n, size_t at)
{
	/* The CRC of each half byte, of the polynomial 0x1edc6f41 reversed. */
	static const uint32_t table[16] = {
	    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= i - at < 4 ? 0 : p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

bool
vhdx_sum_right(const uint8_t *p, size_t n, size_t at)
{
	return get_le32(p + at) == vhdx_sum(p, n, at);
}

bool
vhdx_guid(uint8_t *guid)
{
	if (getrandom(guid, VHDX_GUID, 0) != VHDX_GUID)
		return false;
	/* RFC 9562, version 4; the first three fields of a GUID are little-endian here. */
	guid[7] = (guid[7] & 0x0f) | 0x40;
	guid[8] = (guid[8] & 0x3f) | 0x80;
	return true;
}

static const char *
system_error(int err, struct why *w)
{
	return why(w, "%s", strerror(-err));
}

int
vhdx_write_header(struct vhdx *v, struct file *f)
{
	int err;

	put_le64(v->header + HEADER_SEQUENCE, get_le64(v->header + HEADER_SEQUENCE) + 1);
	put_le32(v->header + HEADER_SUM, vhdx_sum(v->header, VHDX_HEADER_LEN, HEADER_SUM));
	err = file_write(f, v->header, VHDX_HEADER_LEN, VHDX_HEADER_AT(!v->current));
	if (!err)
		err = file_flush(f);
	v->current ^= !err;
	return err;
}

static const char *
load_header(struct vhdx *v, struct file *f, struct why *w)
{
	uint8_t h[2][VHDX_HEADER_LEN];
	bool good[2];

	for (unsigned n = 0; n < 2; n++) {
		int err = file_read(f, h[n], VHDX_HEADER_LEN, VHDX_HEADER_AT(n));

		if (err)
			return system_error(err, w);
		good[n] = !memcmp(h[n], "head", 4) && vhdx_sum_right(h[n], VHDX_HEADER_LEN, HEADER_SUM) &&
		    get_le16(h[n] + HEADER_VERSION) == 1;
	}
	if (!good[0] && !good[1])
		return why(w, "neither of the two headers is whole");
	/* Disk2VHD makes both the same. */
	if (good[0] && good[1])
		v->current = get_le64(h[1] + HEADER_SEQUENCE) > get_le64(h[0] + HEADER_SEQUENCE);
	else
		v->current = good[1];
	memcpy(v->header, h[v->current], VHDX_HEADER_LEN);
	v->log = (struct vhdx_region){get_le64(v->header + HEADER_LOG_AT), get_le32(v->header + HEADER_LOG_LEN)};
	if (v->log.at < VHDX_MIB || v->log.at % VHDX_MIB || !v->log.len || v->log.len % VHDX_MIB ||
	    !range_within(v->log.at, v->log.len, f->size))
		return why(w, "the log can not be at %llu, of %llu bytes", (unsigned long long)v->log.at,
		    (unsigned long long)v->log.len);
	return NULL;
}

static bool
overlap(struct vhdx_region a, struct vhdx_region b)
{
	return a.at < b.at + b.len && b.at < a.at + a.len;
}

/* An entry of the region table. */
static const char *
take_region(struct vhdx *v, const uint8_t *p, const struct file *f, struct why *w)
{
	struct vhdx_region r = {get_le64(p + REGION_AT), get_le32(p + REGION_SIZE)}, *to = NULL;

	if (!memcmp(p, vhdx_region_bat, VHDX_GUID))
		to = &v->bat_region;
	else if (!memcmp(p, vhdx_region_metadata, VHDX_GUID))
		to = &v->metadata;
	else if (get_le32(p + REGION_REQUIRED) & 1)
		return why(w, "it has a region %08x-... that is required and unknown", get_le32(p));
	if (!to)
		return NULL;
	if (to->len || r.at < VHDX_MIB || r.at % VHDX_MIB || !r.len || r.len % VHDX_MIB || !range_within(r.at, r.len, f->size))
		return why(w, "a region can not be at %llu, of %llu bytes", (unsigned long long)r.at, (unsigned long long)r.len);
	*to = r;
	return NULL;
}

static const char *
look_at_regions(struct vhdx *v, const uint8_t *t, const struct file *f, struct why *w)
{
	uint32_t count = get_le32(t + REGIONS_COUNT);
	const char *reason = NULL;

	if (count > REGIONS_MAX)
		return why(w, "%u regions are too many", count);
	for (uint32_t n = 0; n < count && !reason; n++)
		reason = take_region(v, t + REGIONS_ENTRY + n * REGION_LEN, f, w);
	if (reason)
		return reason;
	if (!v->bat_region.len || !v->metadata.len)
		return why(w, "there is no block allocation table, or no metadata");
	if (overlap(v->bat_region, v->metadata) || overlap(v->bat_region, v->log) || overlap(v->metadata, v->log))
		return why(w, "log, block allocation table and metadata overlap");
	return NULL;
}

static const char *
load_regions(struct vhdx *v, struct file *f, uint8_t *buf, struct why *w)
{
	for (unsigned n = 0; n < 2; n++) {
		int err = file_read(f, buf, VHDX_REGIONS_LEN, VHDX_REGIONS_AT(n));

		if (err)
			return system_error(err, w);
		if (!memcmp(buf, "regi", 4) && vhdx_sum_right(buf, VHDX_REGIONS_LEN, REGIONS_SUM))
			return look_at_regions(v, buf, f, w);
	}
	return why(w, "neither of the two region tables is whole");
}

struct metadata {
	uint64_t size;
	uint32_t block, flags, logical, physical;
	bool has_parameters, has_size;
};

/* An item of the metadata, whose bytes are at p. */
static const char *
take_item(struct metadata *m, const uint8_t *guid, uint32_t flags, const uint8_t *p, struct why *w)
{
	if (!memcmp(guid, vhdx_item_parameters, VHDX_GUID)) {
		m->block = get_le32(p);
		m->flags = get_le32(p + 4);
		m->has_parameters = true;
	} else if (!memcmp(guid, vhdx_item_size, VHDX_GUID)) {
		m->size = get_le64(p);
		m->has_size = true;
	} else if (!memcmp(guid, vhdx_item_logical, VHDX_GUID)) {
		m->logical = get_le32(p);
	} else if (!memcmp(guid, vhdx_item_physical, VHDX_GUID)) {
		m->physical = get_le32(p);
	} else if (memcmp(guid, vhdx_item_page83, VHDX_GUID) && memcmp(guid, vhdx_item_parent, VHDX_GUID) && flags & ITEM_REQUIRED) {
		return why(w, "it has metadata %08x-... that are required and unknown", get_le32(guid));
	}
	return NULL;
}

static const char *
read_items(struct vhdx *v, struct file *f, const uint8_t *table, struct metadata *m, struct why *w)
{
	uint16_t count = get_le16(table + METADATA_COUNT);
	const char *reason = NULL;

	if (memcmp(table, "metadata", 8) || count > METADATA_MAX)
		return why(w, "there are no metadata where they should be");
	for (unsigned n = 0; n < count && !reason; n++) {
		const uint8_t *p = table + METADATA_ENTRY + n * ITEM_LEN;
		uint8_t value[8] = {0};
		uint32_t at = get_le32(p + ITEM_AT), len = get_le32(p + ITEM_SIZE);
		int err;

		if (len && (at < METADATA_TABLE || !range_within(at, len, v->metadata.len)))
			return why(w, "an item of the metadata is not within them");
		err = vhdx_read(v, f, value, min_u64(len, sizeof(value)), v->metadata.at + at);
		if (err)
			return system_error(err, w);
		reason = take_item(m, p, get_le32(p + ITEM_FLAGS), value, w);
	}
	return reason;
}

/* Whether this code can do with it, else why not. */
static bool
usable(const struct metadata *m, struct why *w)
{
	if (!m->has_parameters || !m->has_size || !m->logical || !m->physical)
		return why(w, "the metadata lack the size of the disk, of blocks or of sectors"), false;
	if (m->flags & VHDX_HAS_PARENT)
		return why(w, "differencing VHDX images are not supported"), false;
	if (m->block < VHDX_MIB || m->block > 256 * VHDX_MIB || m->block & (m->block - 1))
		return why(w, "the block size is a power of two from 1M to 256M, not %u", m->block), false;
	if ((m->logical != 512 && m->logical != 4096) || (m->physical != 512 && m->physical != 4096))
		return why(w, "sectors have 512 or 4096 bytes, not %u and %u", m->logical, m->physical), false;
	if (m->size > VHDX_SIZE_MAX || m->size % m->logical)
		return why(w, "a disk of %llu bytes is larger than 64T, or no multiple of its sectors", (unsigned long long)m->size), false;
	return true;
}

static const char *
load_metadata(struct vhdx *v, struct file *f, uint8_t *buf, struct why *w)
{
	struct metadata m = {0};
	uint64_t blocks;
	const char *reason;
	int err = vhdx_read(v, f, buf, METADATA_TABLE, v->metadata.at);

	if (err)
		return system_error(err, w);
	reason = read_items(v, f, buf, &m, w);
	if (reason)
		return reason;
	if (!usable(&m, w) || !m.block || !m.logical) /* which are not 0 by then, as clang's analyzer does not see */
		return w->text;
	v->image.size = m.size;
	v->image.cluster_size = v->block = m.block;
	v->fixed = m.flags & VHDX_LEAVE_ALLOCATED;
	v->ratio = (uint32_t)(((uint64_t)m.logical << 23) / m.block);
	blocks = (m.size + m.block - 1) / m.block;
	v->bat = (struct table){v->bat_region.at, blocks ? (blocks + (blocks - 1) / v->ratio) * 8 : 0};
	return v->bat.len <= v->bat_region.len ? NULL : why(w, "the block allocation table is too short for the disk");
}

int
vhdx_read(struct vhdx *v, struct file *f, void *buf, size_t len, uint64_t off)
{
	int err = file_read(f, buf, len, off);

	for (size_t n = 0; n < v->npatches && !err; n++) {
		const struct vhdx_patch *p = &v->patches[n];
		uint64_t from = off > p->at ? off : p->at, to = min_u64(off + len, p->at + p->len);

		if (from >= to)
			continue;
		if (p->bytes)
			memcpy((uint8_t *)buf + (from - off), p->bytes + (from - p->at), to - from);
		else
			memset((uint8_t *)buf + (from - off), 0, to - from);
	}
	return err;
}

static int
read_page(void *user, void *buf, size_t len, uint64_t off)
{
	struct vhdx *v = user;

	return vhdx_read(v, v->image.file, buf, len, off);
}

/* The log may have what metadata and BAT are to be. Where the file is not to be written it is kept in mind instead. */
static const char *
load_log(struct vhdx *v, const struct image_open *how, struct why *w)
{
	static const uint8_t none[VHDX_GUID];
	const char *reason;
	int err;

	if (!memcmp(v->header + HEADER_LOG_GUID, none, VHDX_GUID))
		return NULL;
	if (get_le16(v->header + HEADER_LOG_VERSION))
		return why(w, "version %u of the log is unknown", get_le16(v->header + HEADER_LOG_VERSION));
	v->image.dirty = true;
	reason = vhdx_log_read(v, how->file, w);
	if (reason || !(how->flags & IMAGE_WRITE))
		return reason;
	err = vhdx_log_replay(v, how->file);
	return err ? why(w, "its log can not be replayed: %s", strerror(-err)) : NULL;
}

const char *
vhdx_load(struct vhdx *v, const struct image_open *how, struct why *w)
{
	uint8_t *buf = malloc(VHDX_REGIONS_LEN);
	const char *reason = NULL;
	int err;

	v->image.file = how->file;
	if (!buf)
		return system_error(-ENOMEM, w);
	err = file_read(how->file, buf, 8, 0);
	if (err)
		reason = system_error(err, w);
	else if (memcmp(buf, "vhdxfile", 8))
		reason = why(w, "not a VHDX image");
	if (!reason)
		reason = load_header(v, how->file, w);
	if (!reason)
		reason = load_regions(v, how->file, buf, w);
	if (!reason)
		reason = load_log(v, how, w);
	if (!reason)
		reason = load_metadata(v, how->file, buf, w);
	free(buf);
	if (reason)
		return reason;
	v->tables = tables_new(how->file, read_page, v);
	return v->tables ? NULL : system_error(-ENOMEM, w);
}
