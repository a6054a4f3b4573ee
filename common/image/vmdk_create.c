/* SPDX-License-Identifier: ISC */
/* New VMDK images: the descriptor, and the extents that it lists. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/vmdk.h"

#define TEXT_SECTORS 20
#define TEXT_ROOM (TEXT_SECTORS * VMDK_SECTOR) /* where it is inside */
#define OVERHEAD 128			       /* sectors before the grains of a stream, as VMware's have them */
#define SPLIT (2ull << 30)
#define NAME_ROOM 256
#define EXTENT_NAME (2 * NAME_ROOM + 16)

static const struct subformat {
	const char *name;
	bool flat, split, packed;
} subformats[] = {
    {.name = "monolithicSparse"}, /* the default */
    {.name = "monolithicFlat", .flat = true},
    {.name = "twoGbMaxExtentSparse", .split = true},
    {.name = "twoGbMaxExtentFlat", .flat = true, .split = true},
    {.name = "streamOptimized", .packed = true},
};

static const char *const adapters[] = {"ide", "lsilogic", "buslogic", "legacyESX"};

const struct image_option vmdk_options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"adapter_type", OPTION_STRING, "ide (default), lsilogic, buslogic or legacyESX", false},
	{"backing_file", OPTION_STRING, "the image to be on top of", false},
	{"backing_fmt", OPTION_STRING, "its format: vmdk", false},
	{"compat6", OPTION_BOOL, "for VMware 6: hardware version 6", false},
	{"hwversion", OPTION_STRING, "hardware version (4)", false},
	{"subformat", OPTION_STRING,
	    "monolithicSparse (default), monolithicFlat, twoGbMaxExtentSparse, twoGbMaxExtentFlat, streamOptimized", false},
	{"toolsversion", OPTION_STRING, "version of VMware's tools in the guest", false},
	{"zeroed_grain", OPTION_BOOL, "zeroes are noted in the tables", false},
	{NULL, 0, NULL, false},
};

struct plan {
	const struct image_create *c;
	const struct subformat *sub;
	const char *adapter, *hardware, *tools;
	bool zero_grains;
	uint32_t cid, parent_cid;
	char stem[NAME_ROOM], suffix[NAME_ROOM]; /* of the image's name */
	char *text;
	size_t len, room;
};

static const char *
text_of(const struct image_create *c, const char *name, const char *otherwise)
{
	const struct image_setting *s = image_setting(c, name);

	return s ? s->text : otherwise;
}

static const char *
choose(struct plan *p, struct why *w)
{
	const char *sub = text_of(p->c, "subformat", subformats[0].name), *adapter = text_of(p->c, "adapter_type", adapters[0]);

	for (size_t n = 0; n < ARRAY_LEN(subformats); n++)
		if (!strcmp(sub, subformats[n].name))
			p->sub = &subformats[n];
	for (size_t n = 0; n < ARRAY_LEN(adapters); n++)
		if (!strcmp(adapter, adapters[n]))
			p->adapter = adapters[n];
	if (!p->sub)
		return why(w, "subformat '%s' is not known", sub);
	if (!p->adapter)
		return why(w, "adapter type '%s' is not known", adapter);
	p->zero_grains = image_number(p->c, "zeroed_grain", 0);
	if (p->zero_grains && (p->sub->flat || p->sub->packed))
		return why(w, "%s has no zeroed grains", sub);
	if (image_number(p->c, "compat6", 0) && image_setting(p->c, "hwversion"))
		return why(w, "compat6 and hwversion exclude each other");
	p->hardware = text_of(p->c, "hwversion", image_number(p->c, "compat6", 0) ? "6" : "4");
	p->tools = text_of(p->c, "toolsversion", "2147483647"); /* none, or not told */
	if (strspn(p->hardware, "0123456789.") != strlen(p->hardware) || strspn(p->tools, "0123456789") != strlen(p->tools))
		return why(w, "hwversion and toolsversion are numbers");
	return NULL;
}

/* Within quotes of a descriptor there is no way to write these. */
static bool
quotable(const char *s)
{
	return !strpbrk(s, "\"\r\n");
}

static const char *
look_at_parent(struct plan *p, struct why *w)
{
	const struct image_create *c = p->c;

	p->parent_cid = VMDK_NO_PARENT;
	if (!c->backing_name)
		return NULL;
	if (p->sub->flat)
		return why(w, "%s cannot have a backing image", p->sub->name);
	if (c->backing_format && strcmp(c->backing_format, "vmdk"))
		return why(w, "the backing image of a VMDK is a VMDK");
	if (!c->backing || c->backing->format != &format_vmdk)
		return why(w, "the backing image is needed, to note its content ID");
	if (!quotable(c->backing_name) || strlen(c->backing_name) >= 1024)
		return why(w, "the backing image's name cannot be noted");
	p->parent_cid = vmdk_of(c->backing)->cid;
	return NULL;
}

/* What extents are named by: what comes before and after "-s001". */
static const char *
split_name(struct plan *p, struct why *w)
{
	const char *slash = strrchr(p->c->file->name, '/'), *name = slash ? slash + 1 : p->c->file->name, *dot = strrchr(name, '.');
	size_t n = dot ? (size_t)(dot - name) : strlen(name);

	if (!quotable(name) || strlen(name) >= NAME_ROOM - 8)
		return why(w, "the image's name cannot be noted in its descriptor");
	snprintf(p->stem, sizeof(p->stem), "%.*s", (int)n, name);
	snprintf(p->suffix, sizeof(p->suffix), "%s", name + n);
	return NULL;
}

static void
extent_name(const struct plan *p, unsigned n, char name[EXTENT_NAME])
{
	if (p->sub->split)
		snprintf(name, EXTENT_NAME, "%s-%c%03u%s", p->stem, p->sub->flat ? 'f' : 's', n, p->suffix);
	else
		snprintf(name, EXTENT_NAME, "%s%s%s", p->stem, p->sub->flat ? "-flat" : "", p->suffix);
}

static void __attribute__((format(printf, 2, 3)))
say(struct plan *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!p->text)
		return;
	va_start(ap, fmt);
	n = vsnprintf(p->text + p->len, p->room - p->len, fmt, ap);
	va_end(ap);
	p->len += (size_t)n;
}

/* The same wish makes the same image: no clock, no dice. FNV-1a. */
static uint32_t
content_id(const struct plan *p)
{
	uint64_t parts[] = {p->c->size, p->parent_cid, (uint64_t)(p->sub - subformats), p->zero_grains};
	uint32_t sum = 2166136261u;

	for (size_t n = 0; n < 8 * ARRAY_LEN(parts); n++)
		sum = (sum ^ (parts[n / 8] >> 8 * (n % 8) & 0xff)) * 16777619u;
	return sum == VMDK_NO_PARENT ? 0 : sum;
}

static uint64_t
extent_size(const struct plan *p, unsigned n)
{
	return p->sub->split ? min_u64(SPLIT, p->c->size - n * SPLIT) : p->c->size;
}

static unsigned
extents_of(const struct plan *p)
{
	return p->sub->split ? (unsigned)(p->c->size / SPLIT + !!(p->c->size % SPLIT)) : 1;
}

static const char *
write_text(struct plan *p, struct why *w)
{
	unsigned n = extents_of(p), heads = strcmp(p->adapter, "ide") ? 255 : 16;
	char name[EXTENT_NAME];

	p->room = 4096 + (size_t)n * (EXTENT_NAME + 64);
	p->text = calloc(1, p->room);
	say(p, "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n", p->cid, p->parent_cid, p->sub->name);
	if (p->c->backing_name)
		say(p, "parentFileNameHint=\"%s\"\n", p->c->backing_name);
	say(p, "\n# Extent description\n");
	for (unsigned k = 0; k < n; k++) {
		extent_name(p, k + 1, name);
		say(p, "RW %llu %s \"%s\"%s\n", (unsigned long long)extent_size(p, k) / VMDK_SECTOR, p->sub->flat ? "FLAT" : "SPARSE",
		    name, p->sub->flat ? " 0" : "");
	}
	say(p, "\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"%s\"\n", p->hardware);
	say(p, "ddb.geometry.cylinders = \"%llu\"\n", (unsigned long long)p->c->size / VMDK_SECTOR / heads / 63);
	say(p, "ddb.geometry.heads = \"%u\"\nddb.geometry.sectors = \"63\"\n", heads);
	say(p, "ddb.adapterType = \"%s\"\nddb.toolsVersion = \"%s\"\n", p->adapter, p->tools);
	return p->text ? NULL : why(w, "%s", strerror(ENOMEM));
}

/* A directory whose tables follow one another from `sector` on. */
static int
write_directory(struct file *f, uint64_t at, uint64_t tables, uint64_t sector)
{
	uint32_t page[1024];
	int err = 0;

	for (uint64_t done = 0, n; done < tables && !err; done += n) {
		n = min_u64(tables - done, ARRAY_LEN(page));
		for (uint64_t k = 0; k < n; k++)
			put_le32(&page[k], (uint32_t)(sector + (done + k) * VMDK_TABLE_ENTRIES * 4 / VMDK_SECTOR));
		err = file_write(f, page, n * 4, at + done * 4);
	}
	return err;
}

static void
fill_header(const struct plan *p, uint8_t h[VMDK_SECTOR], uint64_t len)
{
	bool inside = !p->sub->split;
	uint32_t flags = VMDK_HAS_NEWLINES | (p->sub->packed ? VMDK_HAS_PACKED | VMDK_HAS_MARKERS : VMDK_HAS_SPARE) |
	    (p->zero_grains ? VMDK_HAS_ZERO_GRAINS : 0);

	memcpy(h, VMDK_MAGIC, 4);
	put_le32(h + VMDK_VERSION, p->sub->packed ? 3 : p->zero_grains ? 2 : 1);
	put_le32(h + VMDK_FLAGS, flags);
	put_le64(h + VMDK_CAPACITY, len / VMDK_SECTOR);
	put_le64(h + VMDK_GRAIN, VMDK_GRAIN_SIZE / VMDK_SECTOR);
	put_le64(h + VMDK_TEXT, inside);
	put_le64(h + VMDK_TEXT_LEN, inside ? TEXT_SECTORS : 0);
	put_le32(h + VMDK_ENTRIES, VMDK_TABLE_ENTRIES);
	memcpy(h + VMDK_NEWLINES, VMDK_NEWLINES_TEXT, 4);
	put_le16(h + VMDK_METHOD, p->sub->packed ? VMDK_DEFLATE : 0);
}

/* Tables for all of it are there from the start, as everybody has them: they are holes of the file. */
static int
make_sparse(const struct plan *p, struct file *f, uint64_t len, uint64_t tables)
{
	uint64_t directory = align_up(tables * 4, VMDK_SECTOR) / VMDK_SECTOR, each = VMDK_TABLE_ENTRIES * 4 / VMDK_SECTOR;
	uint64_t spare = 1 + TEXT_SECTORS, second = spare + directory + tables * each, end = second + directory + tables * each;
	uint8_t h[VMDK_SECTOR] = {0};
	int err;

	end = align_up(end, VMDK_GRAIN_SIZE / VMDK_SECTOR);
	if (end > UINT32_MAX)
		return -EFBIG;
	fill_header(p, h, len);
	put_le64(h + VMDK_SPARE, spare);
	put_le64(h + VMDK_DIRECTORY, second);
	put_le64(h + VMDK_OVERHEAD, end);
	err = file_truncate(f, end * VMDK_SECTOR);
	if (!err)
		err = write_directory(f, spare * VMDK_SECTOR, tables, spare + directory);
	if (!err)
		err = write_directory(f, second * VMDK_SECTOR, tables, second + directory);
	return err ? err : file_write(f, h, sizeof(h), 0);
}

/* An empty stream is a whole one, too: with a directory, a footer and an end. */
static int
make_stream(const struct plan *p, struct file *f, uint64_t len, uint64_t tables)
{
	uint64_t room = align_up(tables * 4, VMDK_SECTOR); /* once more before the grains: see pin() of vmdk_stream.c */
	uint64_t end = align_up((1 + TEXT_SECTORS) * VMDK_SECTOR + room, OVERHEAD * VMDK_SECTOR), directory = end + VMDK_SECTOR;
	uint8_t h[VMDK_SECTOR] = {0}, marker[VMDK_SECTOR] = {0};
	int err;

	fill_header(p, h, len);
	put_le64(h + VMDK_OVERHEAD, end / VMDK_SECTOR);
	put_le64(h + VMDK_DIRECTORY, VMDK_AT_END);
	put_le64(marker + VMDK_MARKER_VALUE, room / VMDK_SECTOR);
	put_le32(marker + VMDK_MARKER_TYPE, VMDK_GRAIN_DIRECTORY);
	err = file_write(f, h, sizeof(h), 0);
	if (!err)
		err = file_write(f, marker, sizeof(marker), end);
	end = directory + room;
	return err ? err : vmdk_stream_close(f, h, directory / VMDK_SECTOR, &end);
}

static int
make_extent(const struct plan *p, struct file *f, uint64_t len)
{
	uint64_t reach = (uint64_t)VMDK_GRAIN_SIZE * VMDK_TABLE_ENTRIES, tables = len / reach + !!(len % reach);

	if (p->sub->flat)
		return file_truncate(f, len);
	return p->sub->packed ? make_stream(p, f, len, tables) : make_sparse(p, f, len, tables);
}

/* Extents that are files of their own. */
static const char *
make_beside(const struct plan *p, struct why *w)
{
	char name[EXTENT_NAME];

	for (unsigned n = 0; n < extents_of(p); n++) {
		struct file *f;
		int err;

		extent_name(p, n + 1, name);
		f = p->c->beside ? p->c->beside(p->c->user, name, w) : NULL;
		if (!f)
			return p->c->beside ? w->text : why(w, "no file can be made beside it");
		err = make_extent(p, f, extent_size(p, n));
		if (err)
			return why(w, "%s: %s", name, strerror(-err));
	}
	return NULL;
}

static const char *
make(struct plan *p, struct why *w)
{
	bool inside = !p->sub->flat && !p->sub->split;
	int err;

	p->cid = content_id(p);
	if (split_name(p, w) || write_text(p, w))
		return w->text;
	if (inside && p->len > TEXT_ROOM)
		return why(w, "the descriptor is too long");
	if (!inside && make_beside(p, w))
		return w->text;
	err = inside ? make_extent(p, p->c->file, p->c->size) : 0;
	if (!err)
		err = file_write(p->c->file, p->text, p->len, inside ? VMDK_SECTOR : 0);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

const char *
vmdk_create(const struct image_create *c, struct why *w)
{
	struct plan p = {.c = c};
	const char *reason = choose(&p, w);

	if (!reason)
		reason = look_at_parent(&p, w);
	if (!reason)
		reason = make(&p, w);
	free(p.text);
	return reason;
}
