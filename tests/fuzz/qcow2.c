/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/fields.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * Any bytes as a qcow2 image: described, mapped, read; then changed, flushed, and opened again. Of an image that is sound, what
 * is written must be read back, and it must stay sound.
 */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "tests/fuzz/describe.h"
#include "tests/memory.h"

#define EXTENTS 200
#define PIECE 1500 /* bytes that are read or written at once: parts of clusters, and several of them */
#define LIMIT (4 << 20)
#define HEADER 72
#define TABLE_MAX 4096 /* entries of L1; clusters of the refcount table are worth 64 of them */

static struct memory data_file = {.limit = LIMIT};

static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	(void)user;
	(void)w;
	if (!*name)
		abort();
	return memory_open(&data_file, !write);
}

static struct image *
open_image(struct memory *m, unsigned flags)
{
	struct image_open how = {.file = memory_open(m, false), .flags = flags, .named = named,
	    .secret = (const uint8_t *)"x", .secret_len = 1};
	struct why w;

	return image_open(&format_qcow2, &how, &w);
}

static void
look(struct image *i)
{
	static uint8_t buf[PIECE];
	struct extent e;
	uint64_t at = 0;

	i->format->describe(i, &listener);
	listener_done();
	for (int n = 0; n < EXTENTS && at < i->size && !image_map(i, at, i->size - at, &e); n++, at += e.len) {
		if (!e.len || e.len > i->size - at)
			abort();
		image_read(i, buf, min_u64(min_u64(e.len, i->size - at), PIECE), at);
	}
}

/* Writes, zeroes and discards in places that the bytes choose. */
static bool
change(struct image *i, const uint8_t *dice, uint64_t *at, uint8_t *buf)
{
	uint64_t off = i->size ? get_be64(dice) % i->size : 0, len = min_u64(PIECE, i->size - off);
	int err = image_zero(i, off, len, dice[8] & ZERO_UNMAP);

	err |= image_discard(i, off / 2, min_u64(len * 40, i->size - off / 2));
	*at = off - off % 700;
	memset(buf, dice[9] | 1, PIECE);
	err |= image_write(i, buf, min_u64(PIECE, i->size - *at), *at);
	err |= image_flush(i);
	return !err;
}

/* Whether a check finds nothing wrong; leaks are not. */
static bool
sound(struct memory *m)
{
	struct image *i = open_image(m, IMAGE_CHECK);
	struct image_check c = {0};
	struct why w;
	bool good = i && !i->format->check(i, 0, &c, &w) && !c.errors && !c.internal && !i->fault.text[0];

	image_close(i);
	return good;
}

static void
must_read(struct memory *m, uint64_t at, const uint8_t *want)
{
	struct image *i = open_image(m, 0);
	uint8_t buf[PIECE];
	uint64_t n = i ? min_u64(PIECE, i->size - at) : 0;

	if (!i || image_read(i, buf, n, at) || memcmp(buf, want, n))
		abort();
	image_close(i);
	if (!sound(m))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory m = {.limit = LIMIT}; /* its buffer stays: a new one each time would cost most of the time */
	uint8_t dice[10] = {0}, buf[PIECE];
	struct image *i;
	uint64_t at = 0;
	bool good = false, was_sound;

	/* Large tables are for img_hostile.bats: here they would only take time. */
	if (size >= HEADER && (get_be32(data + 36) > TABLE_MAX || get_be32(data + 56) > TABLE_MAX / 64))
		return 0;
	if (size >= sizeof(dice))
		memcpy(dice, data + size - sizeof(dice), sizeof(dice));
	memory_set(&m, data, size);
	memory_set(&data_file, "data", 4);
	image_close(open_image(&m, IMAGE_INFO));
	i = open_image(&m, 0);
	if (i)
		look(i);
	image_close(i);
	was_sound = sound(&m);
	i = open_image(&m, IMAGE_WRITE);
	if (i)
		good = change(i, dice, &at, buf);
	if (!image_close(i) && good && was_sound)
		must_read(&m, at, buf);
	return 0;
}
