/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * Each change of a qcow2 image, with each of the writes that it makes failing in turn: that one alone, or all from it on. The
 * image is then written to further, closed, opened, and must be without errors and hold what it held before or what it was to.
 */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/formats.h"
#include "common/image/qcow2_bitmap.h"
#include "common/image/qcow2_compact.h"
#include "common/image/qcow2_snapshot.h"
#include "common/num.h"
#include "common/util.h"
#include "tests/memory.h"
#include "tests/unit/amend.h"
#include "tests/unit/tap.h"

#define SECTOR 512
#define SIZE (1 << 20)
#define LATER (960 << 10) /* where the image is written to after the fault */
#define LATER_LEN (20 << 10)

static struct memory mem, data;
static uint8_t before[SIZE], after[SIZE], got[SIZE], bytes[SIZE];
static char finding[WHY_MAX + 20];

static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	(void)user, (void)name, (void)w;
	return memory_open(&data, !write);
}

static struct file *
beside(void *user, const char *name, struct why *w)
{
	return *(struct file **)user = named(NULL, name, true, w); /* stays ours */
}

static struct image *
open_it(unsigned flags)
{
	struct image_open how = {.file = memory_open(&mem, false), .flags = flags, .named = named};
	struct why w;
	struct image *i = image_open(&format_qcow2, &how, &w);

	if (!i)
		snprintf(finding, sizeof(finding), "open: %s", w.text);
	return i;
}

static void
create(const char *options)
{
	struct image_setting settings[8];
	struct file *made = NULL;
	struct image_create c = {.size = SIZE, .settings = settings, .beside = beside, .user = &made};
	char *copy = strdup(options), *rest = copy;
	struct why w;

	mem.limit = data.limit = 64 << 20;
	memory_set(&mem, NULL, 0);
	memory_set(&data, NULL, 0);
	for (char *word; (word = strsep(&rest, ",")) && *word; c.nsettings++) {
		char *value = strchr(word, '=');
		const struct image_option *o = qcow2_options;

		*value++ = '\0';
		while (strcmp(o->name, word))
			o++;
		settings[c.nsettings] = (struct image_setting){.option = o, .text = value, .number = !strcmp(value, "on")};
		if (o->type == OPTION_SIZE || o->type == OPTION_NUMBER)
			size_parse(value, 1, 0, UINT64_MAX, &settings[c.nsettings].number);
	}
	c.file = memory_open(&mem, false);
	if (format_qcow2.create(&c, &w))
		printf("# %s\n", w.text);
	file_close(c.file);
	file_close(made);
	free(copy);
}

static int
put(struct image *i, int byte, uint64_t off, size_t len)
{
	memset(bytes, byte, len);
	return image_write(i, bytes, len, off);
}

/* A cluster of that byte, compressed. */
static int
put_packed(struct image *i, int byte, uint64_t off)
{
	struct libdeflate_compressor *d = libdeflate_alloc_compressor(1);
	uint8_t packed[1024];
	size_t n;

	memset(bytes, byte, i->cluster_size);
	n = libdeflate_deflate_compress(d, bytes, i->cluster_size, packed, sizeof(packed));
	libdeflate_free_compressor(d);
	return image_write_packed(i, packed, n, off);
}

/* An image with data, compressed data, a snapshot that shares some of it, and a bitmap; as far as it can have them. */
static void
prepare(const char *options)
{
	struct image *i;
	struct why w;

	create(options);
	i = open_it(IMAGE_WRITE);
	put(i, 1, 0, 300 << 10);
	put(i, 2, 500 << 10, 100 << 10);
	put_packed(i, 3, 704 << 10);
	put_packed(i, 5, 720 << 10);
	qcow2_snapshot_create(i, "one", &w);
	put(i, 4, 100 << 10, 150 << 10);
	image_zero(i, 520 << 10, 40 << 10, 0);
	qcow2_bitmap_add(i, "old", 4096, &w);
	if (image_close(i))
		printf("# %s: cannot be prepared\n", options);
}

static const char *
result(int err, struct why *w)
{
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

static const char *
do_write(struct image *i, struct why *w)
{
	return result(put(i, 7, 1000, 400 << 10), w);
}

static const char *
do_pack(struct image *i, struct why *w)
{
	return result(put_packed(i, 9, 0), w);
}

static const char *
do_zero(struct image *i, struct why *w)
{
	return result(image_zero(i, 1000, 600 << 10, 0), w);
}

static const char *
do_discard(struct image *i, struct why *w)
{
	return result(image_discard(i, 0, 900 << 10), w);
}

static const char *
do_grow(struct image *i, struct why *w)
{
	return i->format->resize(i, 1ULL << 30, NULL, w);
}

static const char *
do_preallocate(struct image *i, struct why *w)
{
	return i->format->resize(i, 2 << 20, "metadata", w);
}

static const char *
do_shrink(struct image *i, struct why *w)
{
	return i->format->resize(i, 512 << 10, NULL, w);
}

static const char *
do_snapshot(struct image *i, struct why *w)
{
	return qcow2_snapshot_create(i, "two", w);
}

static const char *
do_delete(struct image *i, struct why *w)
{
	return qcow2_of(i)->nsnapshots ? qcow2_snapshot_delete(i, qcow2_of(i)->snapshots, w) : NULL;
}

static const char *
do_apply(struct image *i, struct why *w)
{
	return qcow2_of(i)->nsnapshots ? qcow2_snapshot_apply(i, qcow2_of(i)->snapshots, w) : NULL;
}

static const char *
do_bitmap(struct image *i, struct why *w)
{
	return qcow2_bitmap_add(i, "new", 512, w);
}

static const char *
do_merge(struct image *i, struct why *w)
{
	return qcow2_bitmap_merge(i, "old", i, "old", w);
}

static const char *
do_remove(struct image *i, struct why *w)
{
	return qcow2_bitmap_remove(i, "old", w);
}

static const char *
do_widen(struct image *i, struct why *w)
{
	return amend(i, "refcount_bits", "64", 64, w);
}

static const char *
do_upgrade(struct image *i, struct why *w)
{
	return amend(i, "compat", "1.1", 0, w);
}

static const char *
do_downgrade(struct image *i, struct why *w)
{
	return amend(i, "compat", "0.10", 0, w);
}

static const char *
do_backing(struct image *i, struct why *w)
{
	return i->format->set_backing(i, "", "raw", w);
}

static const char *
do_compact(struct image *i, struct why *w)
{
	struct qcow2_gain gain = {.before = 0};

	return qcow2_compact(i, &gain, w);
}

static const char *
do_empty(struct image *i, struct why *w)
{
	return result(i->format->make_empty(i), w);
}

static const struct change {
	const char *name;
	const char *(*make)(struct image *i, struct why *w);
} changes[] = {
	{"write", do_write}, {"write compressed", do_pack}, {"zero", do_zero}, {"discard", do_discard},
	{"grow", do_grow}, {"preallocate", do_preallocate}, {"shrink", do_shrink}, {"empty", do_empty},
	{"snapshot -c", do_snapshot}, {"snapshot -d", do_delete}, {"snapshot -a", do_apply},
	{"bitmap --add", do_bitmap}, {"bitmap --merge", do_merge}, {"bitmap --remove", do_remove},
	{"amend refcount_bits", do_widen}, {"amend compat=1.1", do_upgrade}, {"amend compat=0.10", do_downgrade},
	{"rebase -u", do_backing}, {"compact", do_compact},
};

/* The disk's bytes; zeroes past its end. */
static bool
read_all(struct image *i, uint8_t *to)
{
	uint64_t n = i->size < SIZE ? i->size : SIZE;

	memset(to, 0, SIZE);
	return !image_read(i, to, n, 0);
}

/* Whether each byte of the sector is old or new. */
static bool
old_or_new(uint64_t at)
{
	if (!memcmp(got + at, before + at, SECTOR) || !memcmp(got + at, after + at, SECTOR))
		return true;
	for (uint64_t end = at + SECTOR; at < end; at++)
		if (got[at] != before[at] && got[at] != after[at])
			return false;
	return true;
}

static bool
content(struct image *i, bool later)
{
	memset(bytes, 11, SECTOR);
	if (!read_all(i, got)) {
		snprintf(finding, sizeof(finding), "cannot be read: %.150s", i->fault.text);
		return false;
	}
	for (uint64_t at = 0; at < i->size && at < SIZE; at += SECTOR) {
		bool in = at >= LATER && at < LATER + LATER_LEN;

		if (in ? !later || !memcmp(got + at, bytes, SECTOR) : old_or_new(at))
			continue;
		snprintf(finding, sizeof(finding), "sector at %llu: begins with %u, was %u, was to be %u", (unsigned long long)at, got[at],
			 before[at], after[at]);
		return false;
	}
	return true;
}

static void
tell(void *user, const char *line)
{
	(void)user;
	if (!finding[0] && strncmp(line, "Leaked", 6))
		snprintf(finding, sizeof(finding), "%s", line);
}

/* Opens the image with these flags, and has it checked. Leaks are no fault. */
static bool
consistent(unsigned flags, unsigned fix)
{
	struct image_check c = {.tell = tell};
	struct image *i = open_it(flags);
	bool good = i && !i->format->check(i, fix, &c, &(struct why){""}) && !c.errors && !c.internal;

	image_close(i);
	return good;
}

static bool
intact(unsigned flags, bool later)
{
	struct image *i = open_it(flags);
	bool good = i && content(i, later);

	image_close(i);
	return good;
}

/* The image as it is in the file now. One that is marked dirty is counted anew by opening; version 2 has no such mark. */
static bool
sound(bool later)
{
	struct image *i = open_it(0);
	bool marks = i && qcow2_of(i)->version > 2;

	image_close(i);
	finding[0] = 0;
	return intact(0, later) && intact(IMAGE_WRITE, later) &&
	       (marks || consistent(IMAGE_CHECK | IMAGE_WRITE, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS)) && consistent(IMAGE_CHECK, 0) &&
	       intact(0, later);
}

/* The change, with the fault at its number `at`. False: it went through without. */
static bool
attempt(const struct change *change, struct memory *m, uint64_t at, bool once, bool *good)
{
	struct image *i = open_it(IMAGE_WRITE);
	bool failed, later;
	struct why w;

	m->fails = true;
	m->once = once;
	m->failed = false;
	m->good = at;
	if (!change->make(i, &w))
		image_flush(i);
	failed = m->failed;
	m->fails = false;
	later = LATER + LATER_LEN <= i->size && !put(i, 11, LATER, LATER_LEN);
	if (image_flush(i))
		later = false;
	image_close(i);
	if (!sound(later)) {
		printf("# write %llu fails%s: %s\n", (unsigned long long)at, once ? "" : ", and all after it", finding);
		*good = false;
	}
	return failed;
}

static void
try(const char *options, const struct change *change)
{
	struct memory base[2] = {{.limit = 64 << 20}, {.limit = 64 << 20}};
	struct image *i;
	struct why w;
	bool good = true;

	prepare(options);
	memory_set(&base[0], mem.bytes, mem.size);
	memory_set(&base[1], data.bytes, data.size);
	i = open_it(IMAGE_WRITE);
	read_all(i, before);
	change->make(i, &w); /* what this image cannot do is refused, with a fault as without */
	read_all(i, after);
	image_close(i);
	for (int mode = 0; mode < 2 + 2 * !!base[1].size; mode++)
		for (uint64_t at = 0, more = 1; more && good; at++) {
			memory_set(&mem, base[0].bytes, base[0].size);
			memory_set(&data, base[1].bytes, base[1].size);
			more = attempt(change, mode < 2 ? &mem : &data, at, mode & 1, &good);
		}
	ok(good, "%s: %s: a write that fails leaves an image without errors, and its data", options, change->name);
	memory_free(&base[0]);
	memory_free(&base[1]);
}

int
main(void)
{
	static const char *const shapes[] = {"cluster_size=4k", "cluster_size=512,refcount_bits=64", "cluster_size=16k,extended_l2=on",
					     "cluster_size=4k,compat=0.10", "cluster_size=4k,data_file=data"};

	for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
		for (size_t c = 0; c < ARRAY_LEN(changes); c++)
			try(shapes[s], &changes[c]);
	memory_free(&mem);
	memory_free(&data);
	return tap_done();
}
