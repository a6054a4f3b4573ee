/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c */
/* pkg: libdeflate libzstd zlib nettle */
/* What all formats share: chains, the checks before a call, files in memory and files behind descriptors, pages of tables. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/table.h"
#include "tests/memory.h"
#include "tests/unit/tap.h"

#define KIB 1024
#define LIMIT (8 << 20)

static struct image *
open_image(const struct format *format, struct memory *m, unsigned flags)
{
	struct image_open how = {.file = memory_open(m, !(flags & IMAGE_WRITE)), .flags = flags};
	struct why w;

	return image_open(format, &how, &w);
}

static void
make(const struct format *format, struct memory *m, uint64_t size)
{
	struct file *f = memory_open(m, false);
	struct image_create c = {.file = f, .size = size};
	struct why w;

	if (format->create(&c, &w))
		abort();
	file_close(f);
}

static bool
all(const uint8_t *p, size_t n, uint8_t byte)
{
	while (n && *p == byte)
		p++, n--;
	return !n;
}

/* 64 KiB of bytes 1 below, 128 KiB of holes above with 4 KiB of bytes 2 in them. */
static void
test_chain(void)
{
	static uint8_t buf[128 * KIB];
	struct memory low = {.limit = LIMIT}, top = {.limit = LIMIT};
	struct image *i, *below;
	struct extent e;
	unsigned depth;

	memset(buf, 1, sizeof(buf));
	memory_set(&low, buf, 64 * KIB);
	make(&format_qcow, &top, 128 * KIB);
	i = open_image(&format_qcow, &top, IMAGE_WRITE);
	i->backing = below = open_image(&format_raw, &low, 0);
	memset(buf, 2, 4 * KIB);
	ok(!image_write(i, buf, 4 * KIB, 8 * KIB), "a write into the top");
	ok(!image_map_chain(i, 0, 128 * KIB, &e, &depth) && e.kind == EXTENT_DATA && e.len == 8 * KIB && e.image == below && depth == 1,
	    "what is not in the top is below, up to where it is");
	ok(!image_map_chain(i, 8 * KIB, 120 * KIB, &e, &depth) && e.len == 4 * KIB && e.image == i && depth == 0, "then in the top");
	ok(!image_map_chain(i, 12 * KIB, 116 * KIB, &e, &depth) && e.len == 52 * KIB && depth == 1, "then below, to its end");
	ok(!image_map_chain(i, 64 * KIB, 64 * KIB, &e, &depth) && e.kind == EXTENT_ZERO && e.len == 64 * KIB,
	    "past the end of what is below: zeroes");
	ok(!image_read(i, buf, 128 * KIB, 0) && all(buf, 8 * KIB, 1) && all(buf + 8 * KIB, 4 * KIB, 2) && all(buf + 12 * KIB, 52 * KIB, 1) &&
		all(buf + 64 * KIB, 64 * KIB, 0), "a read through the chain");
	ok(!image_map(i, 0, 128 * KIB, &e) && e.kind == EXTENT_HOLE && e.len == 8 * KIB, "one layer alone");
	ok(image_write(below, buf, 1, 0) == -EROFS, "what is below is not written");
	ok(!image_close(i), "closing closes the chain");
	memory_free(&low);
	memory_free(&top);
}

static void
test_checks(void)
{
	uint8_t buf[512] = {0};
	struct memory m = {.limit = LIMIT};
	struct image *i;
	struct extent e;

	memory_set(&m, buf, 100);
	i = open_image(&format_raw, &m, IMAGE_WRITE);
	ok(i->size == 512, "a disk is whole sectors");
	ok(!image_read(i, buf, 512, 0), "the part of a sector that the file lacks is read");
	ok(image_read(i, buf, 1, 512) == -EINVAL && image_map(i, 512, 1, &e) == -EINVAL && image_map(i, 0, 0, &e) == -EINVAL,
	    "nothing beyond the disk");
	ok(image_write(i, buf, 2, 511) == -EINVAL && image_zero(i, UINT64_MAX, 2, 0) == -EINVAL, "no change beyond it");
	ok(image_write_packed(i, buf, 1, 0) == -ENOTSUP, "what a format cannot do");
	ok(!image_map(i, 0, 512, &e) && extent_load(&e, e.len, buf, 1, NULL) == -EINVAL, "nothing beyond an extent");
	ok(image_fault(i, "first %d", 1) == -EIO && image_fault(i, "second") == -EIO, "a fault is an I/O error");
	is(i->fault.text, "first 1", "the first fault is told");
	image_close(i);
	i = open_image(&format_raw, &m, 0);
	ok(image_write(i, buf, 1, 0) == -EROFS && image_zero(i, 0, 1, 0) == -EROFS && image_discard(i, 0, 1) == -EROFS,
	    "an image that was opened for reading is not changed");
	image_close(i);
	memory_free(&m);
}

static void
test_file(void)
{
	static const uint8_t big[4 * KIB];
	uint8_t buf[8] = "abcdefg";
	struct memory m = {.limit = LIMIT};
	struct file *f = memory_open(&m, false);
	uint64_t len = 100;
	bool hole = false;

	ok(!file_write(f, buf, 4, 10) && f->size == 14, "a write grows the file");
	ok(!file_read(f, buf, 8, 12) && !memcmp(buf, "cd\0\0\0\0\0", 8), "a read past the end gives zeroes");
	ok(!file_read(f, buf, 8, UINT64_MAX - 3) && all(buf, 8, 0), "even far past it");
	ok(file_write(f, buf, 1, INT64_MAX) == -EFBIG && file_zero(f, 1, INT64_MAX, true) == -EFBIG, "no file is larger than INT64_MAX");
	ok(!file_extent(f, 14, &len, &hole) && hole && len == 100, "past the end is a hole");
	ok(!file_discard(f, 0, UINT64_MAX) && f->size == 14, "a discard is within the file");
	m.fails = true;
	ok(file_flush(f) == -EIO, "a flush fails");
	m.fails = false;
	ok(file_flush(f) == -EIO, "and is not taken back");
	m.limit = 3 * KIB;
	ok(file_write(f, big, sizeof(big), 14) == -ENOSPC && f->size == 14 && m.size == 14, "a write that failed in part is taken back past the end");
	m.limit = LIMIT;
	f->block_device = true;
	ok(file_write(f, buf, 1, 14) == -ENOSPC && file_truncate(f, 15) == -ENOSPC && !file_truncate(f, 3) && f->size == 14,
	    "a block device keeps its size");
	file_close(f);
	f = memory_open(&m, true);
	ok(file_write(f, buf, 1, 0) == -EROFS && file_truncate(f, 0) == -EROFS && file_discard(f, 0, 1) == -EROFS && !file_flush(f),
	    "a read-only file");
	file_close(f);
	memory_free(&m);
}

static void
test_descriptor(void)
{
	static uint8_t buf[64 * KIB];
	struct why w;
	int pair[2], fd = memfd_create("image", 0);
	struct file *f = file_open_fd(fd, "file", &w), *g = file_open_fd(memfd_create("copy", 0), "copy", &w);
	uint64_t len = 1 << 20, done;
	bool hole;

	memset(buf, 3, sizeof(buf));
	ok(!file_write(f, buf, sizeof(buf), 64 * KIB) && f->size == 128 * KIB, "a hole and some data");
	ok(!file_extent(f, 0, &len, &hole) && hole && len == 64 * KIB, "the hole is found");
	len = 1 << 20;
	ok(!file_extent(f, 64 * KIB, &len, &hole) && !hole && len == 64 * KIB, "so is the data");
	ok(!file_zero(f, 80 * KIB, 96 * KIB, true) && f->size == 176 * KIB, "zeroes grow the file");
	ok(!file_read(f, buf, 16 * KIB, 80 * KIB) && all(buf, 16 * KIB, 0) && lseek(fd, 0, SEEK_END) == 176 * KIB, "and are there");
	ok(!file_zero(f, 64 * KIB, 100, false) && !file_read(f, buf, 200, 64 * KIB) && all(buf, 100, 0) && all(buf + 100, 100, 3),
	    "zeroes of any bytes");
	if (file_copy(g, 0, f, 64 * KIB, 16 * KIB, &done))
		ok(done <= 16 * KIB, "a copy by the kernel is not possible here");
	else
		ok(done == 16 * KIB && g->size == 16 * KIB && !file_read(g, buf, 200, 0) && buf[99] == 0 && buf[100] == 3, "a copy by the kernel");
	file_close(f);
	file_close(g);
	ok(!pipe(pair) && !file_open_fd(pair[0], "pipe", &w), "a pipe is no image's file");
	is(w.text, "neither a file nor a block device", "which is said");
}

static int
refuse(void *user, const void *buf, size_t len, uint64_t off)
{
	(void)user, (void)buf, (void)len, (void)off;
	return -EIO;
}

/* Twice as many pages as are kept in memory. */
static void
test_tables(void)
{
	struct memory m = {.limit = 64 << 20};
	struct file *f = memory_open(&m, false);
	struct table t = {512, 2048 * TABLE_PAGE - 8};
	struct tables *pages = tables_new(f, NULL, NULL);
	uint8_t *p;
	bool good = true, full = false;

	file_truncate(f, t.start + t.len);
	for (uint64_t n = 0; n < 2048; n++) {
		good = good && !tables_at(pages, t, n * TABLE_PAGE + 8, &p);
		put_le64(p, n + 1);
		tables_changed(pages);
		if (tables_full(pages)) {
			full = true;
			good = good && !tables_write(pages, NULL, NULL) && !tables_dirty(pages);
		}
	}
	ok(good && full, "changed pages are written when there are many");
	ok(!tables_at(pages, t, 16, &p) && tables_write(pages, refuse, NULL) == 0, "nothing changed, nothing written");
	put_le64(p, 99);
	tables_changed(pages);
	ok(tables_write(pages, refuse, NULL) == -EIO && tables_dirty(pages), "what could not be written is still changed");
	ok(!tables_write(pages, NULL, NULL) && get_le64(m.bytes + 512 + 16) == 99, "and written later");
	for (uint64_t n = 0; n < 2048; n++)
		good = good && !tables_at(pages, t, n * TABLE_PAGE + 8, &p) && get_le64(p) == n + 1;
	ok(good, "pages come back as they were");
	ok(f->size == t.start + t.len, "nothing is written beyond a table");
	tables_free(pages);
	file_close(f);
	memory_free(&m);
}

int
main(void)
{
	test_chain();
	test_checks();
	test_file();
	test_descriptor();
	test_tables();
	return tap_done();
}
