/* SPDX-License-Identifier: ISC */
/*
 * VirtualBox's VDI, version 1.1: blocks of 1 MiB and one map of them, an entry a block of the disk. Where an entry is written
 * its block and the count of blocks are on disk already, so a cut leaves a block that nothing uses, which is taken again.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/vdi.h"

static bool
vdi_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= VDI_HEADER && get_le32(head + VDI_SIGNATURE) == VDI_MAGIC;
}

/* What QEMU refuses, too: no image of VirtualBox's that stands for itself has any of it. */
static const char *
look(const uint8_t *h, struct why *w)
{
	static const uint8_t none[16];

	if (get_le32(h + VDI_SIGNATURE) != VDI_MAGIC)
		return why(w, "not a VDI image");
	if (get_le32(h + VDI_VERSION) != VDI_VERSION_1_1)
		return why(w, "VDI version %u.%u is not supported", get_le32(h + VDI_VERSION) >> 16, get_le16(h + VDI_VERSION));
	if (get_le32(h + VDI_TYPE) != VDI_DYNAMIC && get_le32(h + VDI_TYPE) != VDI_STATIC)
		return why(w, "VDI of type %u (differencing, undo) is not supported", get_le32(h + VDI_TYPE));
	if (get_le32(h + VDI_SECTOR_SIZE) != 512)
		return why(w, "sectors of %u bytes are not supported", get_le32(h + VDI_SECTOR_SIZE));
	if (get_le32(h + VDI_BLOCK_SIZE) != VDI_BLOCK || get_le32(h + VDI_BLOCK_EXTRA))
		return why(w, "blocks of %u bytes are not supported", get_le32(h + VDI_BLOCK_SIZE));
	if (get_le32(h + VDI_MAP_AT) % 512 || get_le32(h + VDI_DATA_AT) % 512)
		return why(w, "map or data not at a sector's start");
	if (get_le32(h + VDI_BLOCKS) > VDI_BLOCKS_MAX)
		return why(w, "too many blocks: %u", get_le32(h + VDI_BLOCKS));
	if (get_le64(h + VDI_DISK_SIZE) > (uint64_t)get_le32(h + VDI_BLOCKS) * VDI_BLOCK)
		return why(w, "the disk is larger than its %u blocks", get_le32(h + VDI_BLOCKS));
	if (memcmp(h + VDI_UUID_LINK, none, 16) || memcmp(h + VDI_UUID_PARENT, none, 16))
		return why(w, "VDI of a chain (with a link or parent UUID) is not supported");
	return NULL;
}

/* The map lies between header and data, or somebody else's bytes would be taken for it. */
static const char *
look_at_map(const struct vdi *v, const struct file *f, struct why *w)
{
	if (v->map.start < VDI_HEADER || (v->map.start < v->data && !range_within(v->map.start, v->map.len, v->data)))
		return why(w, "the map of blocks lies over other data");
	if (!range_within(v->map.start, v->map.len, f->size))
		return why(w, "the map of blocks ends beyond the file");
	return NULL;
}

static struct image *
vdi_open(const struct image_open *how, struct why *w)
{
	uint8_t h[VDI_HEADER];
	struct vdi *v;
	int err = file_read(how->file, h, sizeof(h), 0);

	if (err) {
		why(w, "%s", strerror(-err));
		return NULL;
	}
	if (look(h, w))
		return NULL;
	v = calloc(1, sizeof(*v));
	if (v)
		v->tables = tables_new(how->file, NULL, NULL);
	if (!v || !v->tables) {
		why(w, "%s", strerror(ENOMEM));
		free(v);
		return NULL;
	}
	v->unsafe = how->flags & IMAGE_UNSAFE;
	v->blocks = get_le32(h + VDI_BLOCKS);
	v->allocated = get_le32(h + VDI_ALLOCATED);
	v->map = (struct table){get_le32(h + VDI_MAP_AT), (uint64_t)v->blocks * 4};
	v->data = get_le32(h + VDI_DATA_AT);
	v->image.size = align_up(get_le64(h + VDI_DISK_SIZE), 512); /* VBoxManage makes odd ones */
	v->image.cluster_size = VDI_BLOCK;
	if (!look_at_map(v, how->file, w))
		return &v->image;
	tables_free(v->tables);
	free(v);
	return NULL;
}

static void
vdi_close(struct image *i)
{
	struct vdi *v = vdi_of(i);

	tables_free(v->tables);
	free(v->owner);
	free(v);
}

int
vdi_entry(struct vdi *v, uint32_t block, uint32_t *entry)
{
	uint8_t *p;
	int err = tables_at(v->tables, v->map, (uint64_t)block * 4, &p);

	if (!err)
		*entry = get_le32(p);
	return err;
}

/* The same, where it can be relied on. */
static int
sound_entry(struct vdi *v, uint32_t block, uint32_t *entry)
{
	int err = vdi_entry(v, block, entry);

	if (!err && vdi_used(*entry) && *entry >= v->blocks)
		return image_fault(&v->image, "block %u is said to be at %u of %u", block, *entry, v->blocks);
	return err;
}

static int
vdi_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct vdi *v = vdi_of(i);
	uint32_t block = (uint32_t)(off / VDI_BLOCK), first, next;
	bool hole = false;
	int err = sound_entry(v, block, &first);

	e->len = VDI_BLOCK - off % VDI_BLOCK;
	e->kind = EXTENT_HOLE;
	for (uint32_t n = 1; !err && e->len < len; n++, e->len += VDI_BLOCK) {
		err = sound_entry(v, block + n, &next);
		if (err || (vdi_used(first) ? next != first + n : vdi_used(next)))
			break;
	}
	if (err || !vdi_used(first))
		return err;
	e->len = min_u64(e->len, len);
	e->file = i->file;
	e->off = vdi_at(v, first) + off % VDI_BLOCK;
	err = file_extent(i->file, e->off, &e->len, &hole);
	e->kind = hole ? EXTENT_ZERO : EXTENT_DATA;
	e->allocated = true;
	e->in_place = !hole;
	return err;
}

/* What the entries say must be on disk before they are. */
static int
settle(struct vdi *v)
{
	int err = v->unsafe || !tables_dirty(v->tables) ? 0 : file_flush(v->image.file);

	return err ? err : tables_write(v->tables, NULL, NULL);
}

int
vdi_flush(struct image *i)
{
	int err = settle(vdi_of(i));

	return err || vdi_of(i)->unsafe ? err : file_flush(i->file);
}

int
vdi_set_allocated(struct vdi *v, uint32_t n)
{
	uint8_t count[4];

	put_le32(count, n);
	v->allocated = n;
	return file_write(v->image.file, count, sizeof(count), VDI_ALLOCATED);
}

/* Fills v->owner, of a map without faults. */
static int
owners(struct vdi *v)
{
	uint32_t entry;
	int err = 0;

	if (v->owner)
		return 0;
	v->owner = calloc((size_t)v->blocks + 1, sizeof(*v->owner));
	if (!v->owner)
		return -ENOMEM;
	for (uint32_t block = 0; block < v->blocks && !err; block++) {
		err = sound_entry(v, block, &entry);
		if (err || !vdi_used(entry))
			continue;
		if (v->owner[entry])
			err = image_fault(&v->image, "blocks %u and %u of the disk share one", v->owner[entry] - 1, block);
		v->owner[entry] = block + 1;
	}
	if (err) {
		free(v->owner);
		v->owner = NULL;
	}
	return err;
}

/* A place in the file for a block of the disk, of which [skip, skip + len) is about to be written. */
static int
allocate(struct vdi *v, uint32_t block, uint64_t skip, uint64_t len, uint32_t *place)
{
	int err = owners(v);

	if (err)
		return err;
	while (v->free < v->blocks && v->owner[v->free])
		v->free++;
	if (v->free == v->blocks)
		return image_fault(&v->image, "no block is free");
	*place = v->free;
	if (skip || len < VDI_BLOCK)
		err = file_zero(v->image.file, vdi_at(v, *place), VDI_BLOCK, true);
	if (!err && *place >= v->allocated)
		err = vdi_set_allocated(v, *place + 1);
	if (!err)
		v->owner[*place] = block + 1;
	return err;
}

int
vdi_point(struct vdi *v, uint32_t block, uint32_t place)
{
	uint8_t *p;
	int err = tables_full(v->tables) ? settle(v) : 0;

	if (!err)
		err = tables_at(v->tables, v->map, (uint64_t)block * 4, &p);
	if (err)
		return err;
	put_le32(p, place);
	tables_changed(v->tables);
	return 0;
}

static int
write_block(struct vdi *v, const void *buf, uint32_t block, uint64_t skip, uint64_t len)
{
	uint32_t place;
	int err = sound_entry(v, block, &place);
	bool fresh = !err && !vdi_used(place);

	if (fresh)
		err = allocate(v, block, skip, len, &place);
	if (!err)
		err = file_write(v->image.file, buf, len, vdi_at(v, place) + skip);
	return err || !fresh ? err : vdi_point(v, block, place);
}

static int
vdi_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	int err = 0;

	for (size_t n; len && !err; off += n, len -= n, buf = (const uint8_t *)buf + n) {
		n = min_u64(len, VDI_BLOCK - off % VDI_BLOCK);
		err = write_block(vdi_of(i), buf, (uint32_t)(off / VDI_BLOCK), off % VDI_BLOCK, n);
	}
	return err;
}

/* Blocks stay where they are: QEMU takes the number of blocks for the place of the next one, so there may be no gaps. */
static int
vdi_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	struct extent e;
	int err = 0;

	for (; len && !err; off += e.len, len -= e.len) {
		err = image_map(i, off, len, &e);
		if (!err && e.kind == EXTENT_DATA)
			err = file_zero(i->file, e.off, e.len, flags & ZERO_UNMAP);
	}
	return err;
}

static int
vdi_discard(struct image *i, uint64_t off, uint64_t len)
{
	return vdi_zero(i, off, len, ZERO_UNMAP);
}

static const struct image_option options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"static", OPTION_BOOL, "all blocks are there from the start", false},
	{NULL, 0, NULL, false},
};

/* Random: VirtualBox does not take two disks of one UUID. */
static int
put_uuid(uint8_t *p)
{
	if (getrandom(p, 16, 0) != 16)
		return -errno;
	p[7] = (p[7] & 0x0f) | 0x40; /* version 4, in Microsoft's byte order */
	p[8] = (p[8] & 0x3f) | 0x80;
	return 0;
}

static int
write_map(struct file *f, uint32_t blocks, bool all)
{
	uint8_t page[TABLE_PAGE];
	int err = 0;

	for (uint32_t block = 0; block < blocks && !err;) {
		size_t n = 0;
		uint64_t at = VDI_HEADER + (uint64_t)block * 4;

		for (; n < sizeof(page) && block < blocks; n += 4, block++)
			put_le32(page + n, all ? block : VDI_FREE);
		err = file_write(f, page, n, at);
	}
	return err;
}

static const char *
vdi_create(const struct image_create *c, struct why *w)
{
	uint64_t blocks = c->size / VDI_BLOCK + !!(c->size % VDI_BLOCK), data = align_up(VDI_HEADER + blocks * 4, VDI_BLOCK);
	bool all = image_number(c, "static", 0);
	uint8_t h[VDI_HEADER] = VDI_TEXT;
	int err;

	if (c->backing_name)
		return why(w, "a VDI image has no backing image");
	if (blocks > VDI_BLOCKS_MAX || data > UINT32_MAX)
		return why(w, "a VDI disk is at most %llu bytes", (unsigned long long)VDI_BLOCKS_MAX * VDI_BLOCK);
	put_le32(h + VDI_SIGNATURE, VDI_MAGIC);
	put_le32(h + VDI_VERSION, VDI_VERSION_1_1);
	put_le32(h + VDI_REST_SIZE, VDI_REST);
	put_le32(h + VDI_TYPE, all ? VDI_STATIC : VDI_DYNAMIC);
	put_le32(h + VDI_MAP_AT, VDI_HEADER);
	put_le32(h + VDI_DATA_AT, (uint32_t)data);
	put_le32(h + VDI_SECTOR_SIZE, 512);
	put_le64(h + VDI_DISK_SIZE, c->size);
	put_le32(h + VDI_BLOCK_SIZE, VDI_BLOCK);
	put_le32(h + VDI_BLOCKS, (uint32_t)blocks);
	put_le32(h + VDI_ALLOCATED, all ? (uint32_t)blocks : 0);
	err = put_uuid(h + VDI_UUID);
	if (!err)
		err = put_uuid(h + VDI_UUID_SNAPSHOT);
	if (!err)
		err = write_map(c->file, (uint32_t)blocks, all);
	if (!err)
		err = file_truncate(c->file, data + (all ? blocks * VDI_BLOCK : 0));
	if (!err)
		err = file_write(c->file, h, sizeof(h), 0);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

const struct format format_vdi = {
	.name = "vdi",
	.options = options,
	.probe = vdi_probe,
	.open = vdi_open,
	.close = vdi_close,
	.create = vdi_create,
	.map = vdi_map,
	.write = vdi_write,
	.zero = vdi_zero,
	.discard = vdi_discard,
	.flush = vdi_flush,
	.check = vdi_check,
};
