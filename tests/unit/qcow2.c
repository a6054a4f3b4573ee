/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * qcow2's engine on files in memory: writes in two steps, flushes in steps, what is used anew and when, tables that grow, caches
 * that are full, and images that are wrong.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/qcow2_state.h"
#include "common/util.h"
#include "tests/memory.h"
#include "tests/unit/tap.h"

#define CLUSTER 512
#define SIZE (256 << 10)
#define LIMIT (64 << 20)
#define WORD(name, value) {&(const struct image_option){name, OPTION_NUMBER, "", false}, "", value}
#define TEXT(name, value) {&(const struct image_option){name, OPTION_STRING, "", false}, value, 0}

static struct memory mem;
static uint8_t buf[SIZE], got[SIZE];

static struct image *
open_it(unsigned flags)
{
	struct image_open how = {.file = memory_open(&mem, false), .flags = flags};
	struct why w;
	struct image *i = image_open(&format_qcow2, &how, &w);

	if (!i)
		printf("# %s\n", w.text);
	return i;
}

static struct image *
create(uint64_t size, const char *backing, const struct image_setting *settings, size_t n)
{
	struct image_create c = {.size = size, .backing_name = backing, .backing_format = backing ? "raw" : NULL};
	struct why w;

	memory_free(&mem);
	mem = (struct memory){.limit = LIMIT};
	c.file = memory_open(&mem, false);
	c.settings = settings;
	c.nsettings = n;
	if (format_qcow2.create(&c, &w))
		printf("# %s\n", w.text);
	file_close(c.file);
	return open_it(IMAGE_WRITE);
}

static struct image *
small(void)
{
	const struct image_setting s[] = {WORD("cluster_size", CLUSTER)};

	return create(SIZE, NULL, s, ARRAY_LEN(s));
}

/* Closes; then the file must check without errors or leaks. */
static bool
sound(struct image *i)
{
	struct image_check c = {0};
	struct why w;
	bool good = !image_close(i);

	i = open_it(IMAGE_CHECK);
	good = good && i && !format_qcow2.check(i, 0, &c, &w) && !c.errors && !c.leaks && !c.internal;
	image_close(i);
	return good;
}

static bool
reads(struct image *i, uint64_t off, size_t len, int byte)
{
	memset(buf, byte, len);
	return !image_read(i, got, len, off) && !memcmp(got, buf, len);
}

static int
fill(struct image *i, uint64_t off, size_t len, int byte)
{
	memset(buf, byte, len);
	return image_write(i, buf, len, off);
}

static void
two_steps(void)
{
	struct image *i = small();
	struct qcow2_write a, b, c;
	struct extent e;

	ok(!qcow2_write_begin(i, 0, 64 * CLUSTER, &a) && a.fresh && a.len == 64 * CLUSTER && !a.head && !a.tail,
	   "space for a long write is in a row");
	ok(qcow2_write_begin(i, 63 * CLUSTER, 1, &b) == -EAGAIN, "a cluster that is being written is not given space twice");
	ok(!qcow2_write_begin(i, 64 * CLUSTER + 10, 20, &b) && b.fresh && b.len == 20 && !b.head && !b.tail && b.off != a.off,
	   "another is, and nothing of the rest is written where the file has zeroes");
	ok(image_zero(i, 10 * CLUSTER, CLUSTER, 0) == -EAGAIN && image_discard(i, 64 * CLUSTER, CLUSTER) == -EAGAIN,
	   "nor are the two zeroed or discarded");
	ok(!image_map(i, 0, SIZE, &e) && e.kind == EXTENT_HOLE && e.len == SIZE, "nobody finds them before the end");
	file_write(b.file, "01234567890123456789", 20, b.off);
	ok(!qcow2_write_end(i, &b, true) && !image_map(i, 64 * CLUSTER, CLUSTER, &e) && e.kind == EXTENT_DATA, "the end links it");
	ok(!qcow2_write_end(i, &a, false) && !image_map(i, 0, SIZE, &e) && e.kind == EXTENT_HOLE, "one that failed leaves the hole");
	ok(!qcow2_write_begin(i, 100 * CLUSTER + 3, 5, &c) && c.off < b.off && c.head == 3 && c.tail == CLUSTER - 8,
	   "its space is given anew, and has to be filled to its bounds");
	qcow2_write_end(i, &c, false);
	ok(!qcow2_write_begin(i, 64 * CLUSTER + 100, 10, &a) && !a.fresh && a.off == b.off + 90, "what is there is written in place");
	qcow2_write_end(i, &a, true);
	ok(sound(i), "all of it is sound");
}

static void
steps_of_flush(void)
{
	struct image *i = small();
	struct qcow2_flush st = {0};
	struct qcow2_write w;
	uint8_t before[CLUSTER];
	uint64_t table;

	fill(i, 0, CLUSTER, 1);
	image_flush(i);
	table = qcow2_of(i)->l1[0] & QCOW2_OFFSET;
	memcpy(before, mem.bytes + table, CLUSTER);
	fill(i, CLUSTER, CLUSTER, 2);
	ok(qcow2_flush_next(i, &st) == 1 && !memcmp(before, mem.bytes + table, CLUSTER), "first what a table will name is made durable");
	ok(!qcow2_write_begin(i, 2 * CLUSTER, CLUSTER, &w) && reads(i, CLUSTER, CLUSTER, 2), "meanwhile the disk is read, and writes begin");
	ok(qcow2_flush_next(i, &st) == 1 && memcmp(before, mem.bytes + table, CLUSTER), "then the table");
	ok(qcow2_flush_next(i, &st) == 0, "that is all");
	qcow2_write_end(i, &w, false);
	fill(i, 0, CLUSTER, 3);
	st = (struct qcow2_flush){0};
	ok(qcow2_flush_next(i, &st) == 1 && qcow2_flush_next(i, &st) == 0, "data alone takes one step");
	ok(sound(i), "sound");
}

static void
reuse(void)
{
	struct image *i = small();
	struct extent old, e;

	fill(i, 0, CLUSTER, 1);
	image_flush(i);
	image_map(i, 0, CLUSTER, &old);
	image_discard(i, 0, CLUSTER);
	fill(i, 5 * CLUSTER, CLUSTER, 2);
	ok(!image_map(i, 5 * CLUSTER, CLUSTER, &e) && e.off != old.off, "what was discarded is not used before a flush");
	image_flush(i);
	fill(i, 6 * CLUSTER, CLUSTER, 3);
	ok(!image_map(i, 6 * CLUSTER, CLUSTER, &e) && e.off == old.off, "and is after it");
	ok(reads(i, 0, CLUSTER, 0) && reads(i, 5 * CLUSTER, CLUSTER, 2), "neither is read elsewhere");
	ok(sound(i), "sound");
}

/* Counts of 64 bits of clusters of 512 bytes: a block of them for every 32 KiB, a table of them for every 2 MiB. */
static void
growth(void)
{
	const struct image_setting s[] = {WORD("cluster_size", CLUSTER), WORD("refcount_bits", 64)};
	struct image *i = create(8 << 20, NULL, s, ARRAY_LEN(s));
	uint64_t clusters = qcow2_of(i)->reftable_clusters;
	bool good = true;

	qcow2_of(i)->l2.max = 3;
	qcow2_of(i)->refblocks.max = 2;
	for (uint64_t at = 0; at < i->size; at += SIZE / 4)
		good = good && !fill(i, (at * 5) % i->size, SIZE / 4, (int)(at / (SIZE / 4) + 1));
	ok(good && qcow2_of(i)->reftable_clusters > clusters, "the refcount table grows, through caches of a few slices");
	for (uint64_t at = 0; at < i->size; at += SIZE / 4)
		good = good && reads(i, (at * 5) % i->size, SIZE / 4, (int)(at / (SIZE / 4) + 1));
	ok(good, "all is read back");
	ok(!format_qcow2.resize(i, 64 << 20, NULL, &i->fault) && i->size == 64 << 20, "so does the L1 table");
	ok(sound(i), "sound");
}

static void
full_disk(void)
{
	struct image *i = small();
	bool failed = false, good = true;
	uint64_t n = 0;

	mem.limit = mem.size + 40 * CLUSTER;
	for (; n < SIZE / CLUSTER && !failed; n++)
		failed = fill(i, n * CLUSTER, CLUSTER, (int)n + 1);
	ok(failed && n > 20, "a full disk is an error");
	for (uint64_t k = 0; k + 1 < n; k++)
		good = good && reads(i, k * CLUSTER, CLUSTER, (int)k + 1);
	ok(good && reads(i, (n - 1) * CLUSTER, CLUSTER, 0), "what was written before it is there, the rest is as it was");
	mem.limit = LIMIT;
	ok(!fill(i, (n - 1) * CLUSTER, CLUSTER, 99) && reads(i, (n - 1) * CLUSTER, CLUSTER, 99), "with room it goes on");
	ok(sound(i), "sound");
}

/* Once an error of the file's writes has passed, the same flush succeeds; refcounts, L2 and L1 tables each fail once. */
static void
failing_file(void)
{
	static const uint64_t write[] = {0, 2, 3}; /* 1 is a flush of the file, which fails for ever */
	struct image *i = small();
	bool good = true;

	for (uint64_t n = 0; n < ARRAY_LEN(write); n++) {
		fill(i, n * 80 * CLUSTER, CLUSTER, (int)n + 1);
		mem.fails = mem.once = true;
		mem.good = write[n];
		good = good && image_flush(i) == -EIO && !mem.fails && !i->file->flush_failed;
	}
	ok(good && !image_flush(i), "a flush that failed says so, and may be done again");
	for (uint64_t n = 0; n < ARRAY_LEN(write); n++)
		good = good && reads(i, n * 80 * CLUSTER, CLUSTER, (int)n + 1);
	ok(good && sound(i), "nothing is lost by it");
}

/* A refcount table that has to move and cannot be written is the old one still. */
static void
failing_growth(void)
{
	const struct image_setting s[] = {WORD("cluster_size", CLUSTER), WORD("refcount_bits", 64)};
	uint64_t size = 4 << 20;
	struct image *i = create(size, NULL, s, ARRAY_LEN(s));
	uint32_t clusters = qcow2_of(i)->reftable_clusters;
	bool good = true;

	for (uint64_t off = 0; off < size; off += SIZE)
		good = good && !fill(i, off, SIZE, 5);
	for (uint64_t n = 0; n < 3; n++) {
		mem.fails = mem.once = true;
		mem.good = n;
		good = good && image_flush(i) == -EIO;
	}
	ok(good && qcow2_of(i)->reftable_clusters == clusters, "a refcount table that cannot be moved stays");
	ok(!image_flush(i) && qcow2_of(i)->reftable_clusters > clusters && reads(i, size - SIZE, SIZE, 5) && sound(i),
	   "and is moved when it can be");
}

static void
header_kept(void)
{
	struct image *i = small();
	struct why w;

	image_close(i);
	mem.bytes[QCOW2_AT_FEATURES + 8] = 0x80;  /* compatible bit 63 */
	mem.bytes[QCOW2_AT_FEATURES + 16] = 0x80; /* autoclear bit 63 */
	put_be32(mem.bytes + 112, 0x12345678);	  /* an extension of 4 bytes */
	put_be32(mem.bytes + 116, 4);
	put_be32(mem.bytes + 120, 0xabcdef99);
	i = open_it(IMAGE_WRITE);
	ok(i && !image_close(i) && mem.bytes[QCOW2_AT_FEATURES + 16] == 0x80, "opening changes nothing");
	i = open_it(IMAGE_WRITE);
	ok(!fill(i, 0, 1, 1) && !mem.bytes[QCOW2_AT_FEATURES + 16] && mem.bytes[QCOW2_AT_FEATURES + 8] == 0x80,
	   "the first write clears autoclear bits, and only them");
	ok(!format_qcow2.set_backing(i, NULL, NULL, &w) && get_be32(mem.bytes + 112) == 0x12345678 &&
	       get_be32(mem.bytes + 120) == 0xabcdef99, "an extension is kept");
	ok(sound(i), "sound");
	mem.bytes[QCOW2_AT_FEATURES] = 0x80;
	ok(!open_it(0), "an unknown incompatible bit is refused");
}

static void
unknown_feature_by_name(void)
{
	struct image_open how = {.flags = 0};
	struct why w = {""};

	image_close(small());
	mem.bytes[QCOW2_AT_FEATURES + 7] = 0x20; /* bit 5 */
	put_be32(mem.bytes + 112, QCOW2_EXT_FEATURE_NAMES);
	put_be32(mem.bytes + 116, 48);
	memcpy(mem.bytes + 120, "\0\5warp drive", 13);
	how.file = memory_open(&mem, false);
	ok(!image_open(&format_qcow2, &how, &w), "a feature that is not known is refused");
	is(w.text, "needs a feature that is not known here: warp drive", "by the name that the image has for it");
}

/* Each is damaged so that a write would go over metadata: it must be refused, and the image marked. */
static void
overlaps(void)
{
	static const struct {
		const char *name;
		uint64_t at, value; /* a big-endian word of the file; 0: the L2 entry of the first cluster */
	} damages[] = {
	    {"the header", 0, 0}, {"the refcount table", 0, 1}, {"a refcount block", 0, 2}, {"the L1 table", 0, 3}, {"an L2 table", 0, 0xffff},
	};

	for (size_t n = 0; n < ARRAY_LEN(damages); n++) {
		struct image *i = small();
		uint64_t table, where = damages[n].value * CLUSTER;
		uint8_t copy[4 * CLUSTER];

		fill(i, 0, CLUSTER, 1);
		image_flush(i);
		table = qcow2_of(i)->l1[0] & QCOW2_OFFSET;
		image_close(i);
		if (damages[n].value == 0xffff)
			where = table;
		put_be64(mem.bytes + table, where | QCOW2_COPIED);
		if (!where) /* entries of offset 0 are holes: a header that is free instead */
			memset(mem.bytes + 2 * CLUSTER, 0, CLUSTER);
		memcpy(copy, mem.bytes, sizeof(copy));
		i = open_it(IMAGE_WRITE);
		ok(fill(i, 0, CLUSTER, 2) == -EIO && i->fault.text[0], "%s is not written over", damages[n].name);
		ok(mem.bytes[QCOW2_AT_FEATURES + 7] & QCOW2_CORRUPT, "the image is marked corrupt");
		mem.bytes[QCOW2_AT_FEATURES + 7] = 0;
		ok(!memcmp(copy, mem.bytes, sizeof(copy)) && fill(i, SIZE / 2, 1, 1) == -EIO, "nothing else changes from then on");
		image_close(i);
	}
}

static void
backing(void)
{
	const struct image_setting s[] = {WORD("cluster_size", CLUSTER)}, v2[] = {WORD("cluster_size", CLUSTER), TEXT("compat", "0.10")};
	struct memory below = {.limit = LIMIT};
	struct why w;

	for (int old = 0; old < 2; old++) {
		struct image *i = old ? create(SIZE, "below", v2, 2) : create(SIZE, "below", s, 1);
		struct image_open how;

		memset(buf, 7, SIZE);
		memory_set(&below, buf, SIZE / 2 + 100);
		how = (struct image_open){.file = memory_open(&below, true)};
		i->backing = image_open(&format_raw, &how, &w);
		ok(reads(i, 0, SIZE / 2 + 100, 7) && reads(i, SIZE / 2 + 100, 1000, 0), "below shows, and zeroes behind its end");
		ok(!fill(i, 100, 20, 1) && reads(i, 0, 100, 7) && reads(i, 100, 20, 1) && reads(i, 120, 1000, 7), "a write copies around it");
		ok(!image_zero(i, 1000, 5000, ZERO_UNMAP) && reads(i, 1000, 5000, 0) && reads(i, 6000, 100, 7), "zeroes hide it");
		ok(!image_discard(i, 0, CLUSTER) && (old ? reads(i, 100, 20, 1) : reads(i, 0, CLUSTER, 0)), "a discard does not bring it back");
		ok(!format_qcow2.resize(i, SIZE / 4 + 77, NULL, &w) && !format_qcow2.resize(i, SIZE, NULL, &w) &&
		       reads(i, SIZE / 4, 77, 7) && reads(i, SIZE / 4 + 77, SIZE / 2, 0),
		   "nor does a disk that was shorter for a while");
		ok(!format_qcow2.make_empty(i) && reads(i, 0, SIZE / 2 + 100, 7), "an empty image shows all of it");
		ok(sound(i), "sound");
	}
	memory_free(&below);
}

int
main(void)
{
	two_steps();
	steps_of_flush();
	reuse();
	growth();
	full_disk();
	failing_file();
	failing_growth();
	header_kept();
	unknown_feature_by_name();
	overlaps();
	backing();
	memory_free(&mem);
	return tap_done();
}
