/* SPDX-License-Identifier: ISC */
/* vm-img compare: do two disks hold the same? Exit status 0: yes, 1: no, 2: not opened, 3: not mapped, 4: not read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/image/unpack.h"
#include "common/progress.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/seals.h"

#define CHUNK (256 << 10)
#define SECTOR 512

enum { SAME, DIFFER, OPEN_FAILED, MAP_FAILED, READ_FAILED };

struct side {
	const char *name;
	struct image *image;
	uint64_t size; /* whole sectors, as QEMU's disks are */
	struct unpacker *unpacker;
	struct extent e; /* what is at the byte that is looked at */
	uint8_t *buf;
};

struct compare {
	struct side a, b;
	bool strict;
	struct progress progress;
};

static bool
blank(const struct extent *e)
{
	return e->kind == EXTENT_HOLE || e->kind == EXTENT_ZERO;
}

/* What is at off, for at most len bytes: zeroes past the end. */
static int
look(struct side *s, uint64_t off, uint64_t len)
{
	int err;

	if (off >= s->image->size) {
		s->e = (struct extent){.kind = EXTENT_HOLE, .len = len};
		return SAME;
	}
	err = image_map_chain(s->image, off, min_u64(len, s->image->size - off), &s->e, NULL);
	if (!err)
		return SAME;
	error("%s: what is at byte %" PRIu64 ": %s", s->name, off, s->image->fault.text[0] ? s->image->fault.text : strerror(-err));
	return MAP_FAILED;
}

static int
load(struct side *s, uint64_t off, uint64_t skip, size_t n)
{
	int err = extent_load(&s->e, skip, s->buf, n, s->unpacker);

	if (!err)
		return SAME;
	error("Error while reading offset %" PRIu64 " of %s: %s", off + skip, s->name, strerror(-err));
	return READ_FAILED;
}

static int
mismatch(uint64_t off)
{
	printf("Content mismatch at offset %" PRIu64 "!\n", off);
	return DIFFER;
}

static uint64_t
first_difference(const uint8_t *a, const uint8_t *b)
{
	uint64_t n = 0;

	while (a[n] == b[n])
		n++;
	return n;
}

/* The next n bytes, all of either extent. */
static int
compare_bytes(struct compare *c, uint64_t off, uint64_t n)
{
	int status = SAME;

	for (uint64_t skip = 0, some; skip < n && !status; skip += some) {
		some = min_u64(CHUNK, n - skip);
		status = load(&c->a, off, skip, some);
		if (!status)
			status = load(&c->b, off, skip, some);
		if (!status && memcmp(c->a.buf, c->b.buf, some))
			status = mismatch(off + skip + align_down(first_difference(c->a.buf, c->b.buf), SECTOR));
		progress_set(&c->progress, off + skip, c->a.size > c->b.size ? c->a.size : c->b.size);
	}
	return status;
}

/* Strictly the same is only what is also allocated in the same way. */
static bool
alike(const struct extent *a, const struct extent *b)
{
	return a->kind == b->kind && a->allocated == b->allocated;
}

static int
compare_from(struct compare *c, uint64_t off, uint64_t end)
{
	int status = SAME;

	for (uint64_t n; off < end && !status; off += n) {
		n = end - off;
		status = look(&c->a, off, n);
		if (!status)
			status = look(&c->b, off, n);
		if (status)
			return status;
		n = min_u64(c->a.e.len, c->b.e.len);
		if (c->strict && !alike(&c->a.e, &c->b.e)) {
			printf("Strict mode: Offset %" PRIu64 " block status mismatch!\n", off);
			return DIFFER;
		}
		if (!blank(&c->a.e) || !blank(&c->b.e))
			status = compare_bytes(c, off, n);
	}
	return status;
}

static int
compare(struct compare *c)
{
	uint64_t both = min_u64(c->a.size, c->b.size), all = c->a.size > c->b.size ? c->a.size : c->b.size;
	int status;

	if (c->strict && both != all) {
		puts("Strict mode: Image size mismatch!");
		return DIFFER;
	}
	status = compare_from(c, 0, both);
	if (!status && both != all) {
		puts("Warning: Image size mismatch!");
		status = compare_from(c, both, all);
	}
	if (!status) {
		progress_end(&c->progress, all);
		puts("Images are identical.");
	}
	return status;
}

static int
open_side(struct side *s, const struct options *o, const char *name, const char *format)
{
	struct opening how;

	opening_init(&how, o, name, format, IMAGE_ONCE);
	s->name = name;
	s->image = chain_open(&how);
	if (!s->image)
		return OPEN_FAILED;
	s->size = align_up(s->image->size, SECTOR);
	s->unpacker = unpacker_new();
	s->buf = malloc(CHUNK);
	if (!s->unpacker || !s->buf)
		die_sys("memory");
	return SAME;
}

static void
close_side(struct side *s)
{
	image_close(s->image);
	unpacker_free(s->unpacker);
	free(s->buf);
}

int
cmd_compare(int argc, char **argv)
{
	static const struct option longs[] = {LONG_OBJECT, LONG_IMAGE_OPTS, LONG_FOLLOW, LONG_SHARE, LONG_END};
	struct compare c = {.strict = false};
	const char *format_b = NULL;
	bool json = false;
	struct options o;
	int letter, status;

	diag_exit = OPEN_FAILED;
	options_init(&o, argv[0]);
	while ((letter = options_next(&o, argc, argv, ":f:F:T:jpqsU", longs, "")) != -1)
		switch (letter) {
		case 'F': format_b = optarg; break;
		case 'j': json = true; break;
		case 's': c.strict = true; break;
		}
	if (argc - optind != 2)
		die("Expecting two image file names");
	/* Only the answer is asked for, which is the exit status. */
	if (o.quiet && !freopen("/dev/null", "w", stdout))
		die_sys("/dev/null");
	progress_begin(&c.progress, o.progress, json, stdout);
	seals_open(SEALS_READ);
	status = open_side(&c.a, &o, argv[optind], o.format);
	if (!status)
		status = open_side(&c.b, &o, argv[optind + 1], format_b);
	seals_work();
	if (!status)
		status = compare(&c);
	close_side(&c.a);
	close_side(&c.b);
	return status;
}
