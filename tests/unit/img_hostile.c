/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/make_image.c vm-img/formats.c */
/*
 * Numbers of hostile images, of every kind that QEMU had CVEs for (2014-0142 to 0148): sizes that are zero, too large for
 * memory, or overflow; places beyond the file; tables that say nonsense. Each is refused with a reason, at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/util.h"
#include "tests/make_image.h"
#include "tests/memory.h"
#include "tests/unit/tap.h"
#include "vm-img/formats.h"

#define DISK (300 << 10)

struct fault {
	const char *format, *variant;
	const char *after; /* the field is `at` behind the first of these bytes; NULL: in the file; "": before its end */
	long at;
	int bits; /* negative: big-endian */
	uint64_t value;
	const char *says; /* part of the reason */
};

static const struct fault faults[] = {
	{"bochs", NULL, NULL, 72, 32, 0x100001, "catalog is too large"},
	{"bochs", NULL, NULL, 72, 32, UINT32_MAX, "catalog is too large"},
	{"bochs", NULL, NULL, 72, 32, 1, "larger than its catalog"},
	{"bochs", NULL, NULL, 68, 32, UINT32_MAX, "beyond the file"},
	{"bochs", NULL, NULL, 80, 32, 0, "extents of 0 bytes"},
	{"bochs", NULL, NULL, 80, 32, 256, "extents of 256 bytes"},
	{"bochs", NULL, NULL, 80, 32, 1536, "extents of 1536 bytes"},
	{"bochs", NULL, NULL, 80, 32, 0x1000000, "extents of 16777216 bytes"},
	{"bochs", NULL, NULL, 80, 32, 0x80000000, "extents of"},
	{"bochs", NULL, NULL, 76, 32, 0, "bitmaps of 0 bytes"},
	{"bochs", NULL, NULL, 76, 32, UINT32_MAX, "bitmaps of"},
	{"bochs", NULL, NULL, 88, 64, UINT64_MAX, "larger than its catalog"},
	{"bochs", NULL, NULL, 512, 32, UINT32_MAX - 1, "extent 0 lies beyond the file"},
	{"bochs", NULL, NULL, 64, 32, 0x30000, "not a growing image"},
	{"cloop", NULL, NULL, 128, -32, 0, "blocks of 0 bytes"},
	{"cloop", NULL, NULL, 128, -32, 513, "blocks of 513 bytes"},
	{"cloop", NULL, NULL, 128, -32, 0xfffffe00, "blocks of 4294966784 bytes"},
	{"cloop", NULL, NULL, 128, -32, 0x4000200, "blocks of"},
	{"cloop", NULL, NULL, 128, -32, 32 << 10, "cannot be read"},
	{"cloop", NULL, NULL, 132, -32, UINT32_MAX, "beyond the file"},
	{"cloop", NULL, NULL, 136, -64, UINT64_MAX, "block 0 is said to be from"},
	{"cloop", NULL, NULL, 144, -64, UINT64_MAX, "block 0 is said to be from"},
	{"cloop", NULL, NULL, 144, -64, 0, "block 0 is said to be from"},
	{"cloop", NULL, NULL, 300, -64, 0, "cannot be read"},
	{"parallels", NULL, NULL, 28, 32, 0, "clusters of 0 sectors"},
	{"parallels", NULL, NULL, 28, 32, UINT32_MAX, "clusters of"},
	{"parallels", NULL, NULL, 28, 32, INT32_MAX / 513 + 1, "clusters of"},
	{"parallels", NULL, NULL, 32, 32, INT32_MAX / 4, "ends beyond the file"},
	{"parallels", NULL, NULL, 32, 32, UINT32_MAX, "ends beyond the file"},
	{"parallels", NULL, NULL, 36, 64, UINT64_MAX, "too large"},
	{"parallels", NULL, NULL, 36, 64, 1ULL << 54, "too large"},
	{"parallels", NULL, NULL, 36, 64, (1ULL << 54) - 1, ""}, /* a hole that is not to be counted by clusters */
	{"parallels", NULL, NULL, 64, 32, UINT32_MAX, "cluster 0 lies beyond the file"},
	{"parallels", "old", NULL, 64, 32, UINT32_MAX, "cluster 0 lies beyond the file"},
	{"parallels", NULL, NULL, 16, 32, 3, "not a Parallels image"},
	{"dmg", "fork", "", 512 - 492, -64, UINT64_MAX, "the disk is too large"},
	{"dmg", "fork", "", 512 - 492, -64, 1ULL << 54, "the disk is too large"},
	{"dmg", "fork", "", 512 - 40, -64, UINT64_MAX, "list of chunks lies beyond"},
	{"dmg", "fork", "", 512 - 48, -64, UINT64_MAX, "list of chunks lies beyond"},
	{"dmg", "fork", "", 512 - 48, -64, 15, "too short"},
	{"dmg", "fork", "", 512 - 48, -64, 0, "no list of chunks"},
	{"dmg", "fork", "", 512 - 24, -64, UINT64_MAX, "beyond the file"},
	{"dmg", "xml", "", 512 - 216, -64, UINT64_MAX, "list of chunks lies beyond"},
	{"dmg", "xml", "", 512 - 224, -64, 1ULL << 40, "list of chunks lies beyond"},
	{"dmg", "xml", "", 512 - 224, -64, 300, "property list is cut off"},
	{"dmg", "fork", "mish", -20, -32, UINT32_MAX, "data lies beyond it"},
	{"dmg", "fork", "mish", -12, -32, UINT32_MAX, "data lies beyond it"},
	{"dmg", "fork", "mish", -12, -32, 0, "data lies beyond it"},
	{"dmg", "fork", "mish", -12, -32, 3, "a resource is cut off"},
	{"dmg", "fork", "mish", -4, -32, UINT32_MAX, "a resource of"},
	{"dmg", "fork", "mish", -4, -32, 0, "a resource of"},
	{"dmg", "fork", "mish", 8, -64, UINT64_MAX, "beyond any disk"},
	{"dmg", "fork", "mish", 24, -64, UINT64_MAX, "lies beyond the file"},
	{"dmg", "fork", "mish", 204, -32, 3, "chunks of type"},
	{"dmg", "fork", "mish", 204, -32, 0x80000004, "ADC is not supported"},
	{"dmg", "fork", "mish", 204 + 8, -64, UINT64_MAX, "beyond any disk"},
	{"dmg", "fork", "mish", 204 + 8, -64, 1, "two chunks"},
	{"dmg", "fork", "mish", 204 + 16, -64, UINT64_MAX, "beyond any disk"},
	{"dmg", "fork", "mish", 204 + 16, -64, 1 << 20, "bytes for 1048576 sectors"},
	{"dmg", "fork", "mish", 204 + 16, -64, 0, "is in no chunk"},
	{"dmg", "fork", "mish", 204 + 24, -64, UINT64_MAX, "lies beyond the file"},
	{"dmg", "fork", "mish", 204 + 24, -64, INT64_MAX, "lies beyond the file"},
	{"dmg", "fork", "mish", 204 + 32, -64, UINT64_MAX, "lies beyond the file"},
	{"dmg", "fork", "mish", 204 + 32, -64, 0, "has 0 bytes for"},
	{"dmg", "fork", "mish", 204 + 32, -64, 9, "cannot be read"},
	{"dmg", "fork", "mish", 244 + 32, -64, 512, "has 512 bytes for 128 sectors"},
	{"dmg", "fork,bzip2", "mish", 204 + 32, -64, 9, "cannot be read"},
	{"vdi", NULL, NULL, 384, 32, 0x40000000, "too many blocks"},
	{"vdi", NULL, NULL, 384, 32, UINT32_MAX, "too many blocks"},
	{"vdi", NULL, NULL, 384, 32, 0x3fffffff, "map of blocks"},
	{"vdi", NULL, NULL, 384, 32, 0, "larger than its 0 blocks"},
	{"vdi", NULL, NULL, 368, 64, UINT64_MAX, "larger than its"},
	{"vdi", NULL, NULL, 376, 32, 0, "blocks of 0 bytes"},
	{"vdi", NULL, NULL, 340, 32, 0xfffffe00, "ends beyond the file"},
	{"vdi", NULL, NULL, 340, 32, 0, "lies over other data"},
	{"vdi", NULL, NULL, 512, 32, 0xfffffffd, "block 0 is said to be at"},
	{"vmdk", NULL, NULL, 12, 64, 1ULL << 55, "sectors"},
	{"vmdk", NULL, NULL, 12, 64, 1ULL << 50, "grain tables"},
	{"vmdk", NULL, NULL, 20, 64, 0, "grains of 0 sectors"},
	{"vmdk", NULL, NULL, 20, 64, 1ULL << 32, "grains of"},
	{"vmdk", NULL, NULL, 44, 32, 0, "tables of 0 entries"},
	{"vmdk", NULL, NULL, 44, 32, UINT32_MAX, "tables of"},
	{"vmdk", NULL, NULL, 48, 64, UINT64_MAX, "beyond the file"},
	{"vmdk", NULL, NULL, 56, 64, 1ULL << 55, "beyond the file"},
	{"vmdk", NULL, NULL, 64, 64, UINT64_MAX, "cut off"},
	{"vmdk", NULL, NULL, 36, 64, UINT64_MAX, "descriptor ends beyond"},
	{"vmdk", NULL, NULL, 13312, 32, UINT32_MAX, "grain table 0 lies beyond the file"},
	{"vmdk", NULL, NULL, 13824, 32, UINT32_MAX, "the grain at 0 lies beyond the file"},
	{"vmdk", "streamOptimized", NULL, 65536 + 8, 32, UINT32_MAX, "the grain at 0 lies beyond the file"},
	{"vmdk", "streamOptimized", NULL, 65536 + 8, 32, 0, "the grain at 0 lies beyond the file"},
	{"vmdk", "streamOptimized", NULL, 65536 + 8, 32, 5, "cannot be read"},
	{"vmdk", "streamOptimized", "", 1024, 32, 0, "footer is not at the end"},
	{"vmdk", "streamOptimized", "", 1024 - 56, 64, UINT64_MAX, "that there is another"},
	{"vmdk", "streamOptimized", "", 1024 - 20, 64, 0, "grains of 0"},
};

static struct image *
open_memory(const struct format *format, struct memory *m, unsigned flags, struct why *w)
{
	struct image_open how = {.file = memory_open(m, !(flags & IMAGE_WRITE)), .flags = flags};

	return image_open(format, &how, w);
}

/* By the format's own hand, where it has one. */
static void
make(const struct format *format, const char *variant, const uint8_t *disk, struct memory *m)
{
	const struct image_option *o = format->options;
	struct image_setting s = {.text = variant};
	struct image_create c = {.size = DISK, .settings = &s};
	struct image *i;
	struct why w;

	if (!format->create) {
		struct made made = make_image(format->name, variant, disk, DISK);

		memory_set(m, made.p, made.n);
		free(made.p);
		return;
	}
	while (variant && strcmp(o->name, "subformat"))
		o++;
	s.option = o;
	c.nsettings = !!variant;
	c.file = memory_open(m, false);
	if (format->create(&c, &w))
		abort();
	file_close(c.file);
	i = open_memory(format, m, IMAGE_WRITE, &w);
	if (!i || image_write(i, disk, DISK, 0) || image_close(i))
		abort();
}

static void
put(struct memory *m, const struct fault *f)
{
	uint8_t *p = m->bytes + f->at;

	if (f->after && *f->after)
		p = (uint8_t *)memmem(m->bytes, m->size, f->after, strlen(f->after)) + f->at;
	else if (f->after)
		p = m->bytes + m->size - f->at;
	if (f->bits == 32)
		put_le32(p, (uint32_t)f->value);
	else if (f->bits == -32)
		put_be32(p, (uint32_t)f->value);
	else if (f->bits == 64)
		put_le64(p, f->value);
	else
		put_be64(p, f->value);
}

/* Opens it, asks where all of it is, and reads what there is, a MiB at most. */
static void
try(const struct format *format, struct memory *m, struct why *w)
{
	static uint8_t buf[1 << 20];
	struct image *i = open_memory(format, m, 0, w);
	struct extent e;
	int err;

	if (!i)
		return;
	if (i->size)
		image_map(i, 0, i->size, &e);
	if (i->size > 1 << 20)
		image_map(i, 1 << 20, i->size - (1 << 20), &e);
	err = image_read(i, buf, min_u64(i->size, sizeof(buf)), 0);
	why(w, "%s", i->fault.text[0] ? i->fault.text : err == -EIO ? "cannot be read" : "");
	image_close(i);
}

int
main(void)
{
	static uint8_t disk[DISK];
	struct memory m = {.limit = 8 << 20};
	struct why w;

	alarm(60); /* none takes its time */
	for (size_t n = 0; n < sizeof(disk); n++)
		disk[n] = (uint8_t)(n * n >> 7);
	for (size_t n = 0; n < ARRAY_LEN(faults); n++) {
		const struct fault *f = &faults[n];
		const struct format *format = format_find(f->format);

		make(format, f->variant, disk, &m);
		try(format, &m, &w);
		if (w.text[0])
			ok(false, "%s is made well: %s", f->format, w.text);
		put(&m, f);
		try(format, &m, &w);
		ok(strstr(w.text, f->says), "%s,%s: %s%+ld is 0x%llx: %s", f->format, f->variant ? f->variant : "", f->after ? f->after : "",
		    f->at, (unsigned long long)f->value, w.text);
		memory_free(&m);
	}
	return tap_done();
}
