/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c */
/* pkg: liburing libdeflate libzstd zlib nettle */
/*
 * An image as a disk whose host fails: each request that cannot be done is an error of its own, the image stays sound, and what
 * was flushed is there. Crowds of requests that are done are tests/tools/disk-storm's.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/diag.h"
#include "common/disk_image.h"
#include "common/image/formats.h"
#include "tests/memory.h"
#include "tests/unit/tap.h"

#define SIZE (1 << 20)
#define BLOCK 4096

static struct memory memory, base;
static struct disk *disk;
static int last_error;
static bool with_base;

static void
create(void)
{
	static uint8_t old[SIZE / 2];
	struct image_create c = {.size = SIZE};
	struct why w;

	memset(old, 'o', sizeof(old));
	memory_set(&base, old, sizeof(old));
	memory_set(&memory, "", 0);
	c.file = memory_open(&memory, false);
	if (with_base) {
		c.backing_name = "base";
		c.backing_format = "raw";
	}
	if (format_qcow2.create(&c, &w)) {
		printf("# %s\n", w.text);
		exit(1);
	}
	file_close(c.file);
}

static struct image *
open_chain(void *user, struct why *w)
{
	struct image_open top = {.file = memory_open(&memory, false), .flags = IMAGE_WRITE};
	struct image_open below = {.file = memory_open(&base, true)};
	struct image *i = image_open(&format_qcow2, &top, w);

	(void)user;
	if (i && with_base)
		i->backing = image_open(&format_raw, &below, w);
	else
		file_close(below.file);
	return i;
}

static void
open_disk(unsigned flags)
{
	struct why w;

	disk = disk_image_new(NULL, 0, flags, open_chain, NULL);
	if (!disk || disk_prepare(disk, &w)) {
		printf("# %s\n", w.text);
		exit(1);
	}
}

static void
done(struct disk_req *r, int err)
{
	(void)r;
	last_error = err;
}

static int
ask(enum disk_op op, unsigned flags, uint64_t off, void *buf, uint64_t len)
{
	struct iovec iov = {buf, len};
	struct disk_req r = {.op = op, .flags = flags, .off = off, .len = len, .iov = &iov, .niov = 1, .done = done};

	last_error = -1;
	disk_submit(disk, &r);
	disk_commit(disk);
	disk_drain(disk);
	return last_error;
}

static int
put(uint64_t block, uint8_t byte)
{
	uint8_t buf[BLOCK];

	memset(buf, byte, sizeof(buf));
	return ask(DISK_WRITE, 0, block * BLOCK, buf, sizeof(buf));
}

static bool
holds(uint64_t block, uint8_t byte)
{
	uint8_t buf[BLOCK], want[BLOCK];

	memset(want, byte, sizeof(want));
	return ask(DISK_READ, 0, block * BLOCK, buf, sizeof(buf)) == 0 && !memcmp(buf, want, sizeof(buf));
}

/* It holds what was there, what was written, or a write that failed on its way. */
static bool
holds_either(uint64_t block, uint8_t old, uint8_t new)
{
	uint8_t buf[BLOCK];
	size_t n = 0;

	if (ask(DISK_READ, 0, block * BLOCK, buf, sizeof(buf)))
		return false;
	while (n < sizeof(buf) && (buf[n] == old || buf[n] == new))
		n++;
	return n == sizeof(buf);
}

/* Errors of the image as it is in memory, that are no leaks. */
static bool
sound(void)
{
	struct why w;
	struct image_check check = {0};
	struct image_open how = {.file = memory_open(&memory, true), .flags = IMAGE_CHECK};
	struct image *i = image_open(&format_qcow2, &how, &w);
	const char *reason = i ? format_qcow2.check(i, 0, &check, &w) : w.text;

	if (reason)
		printf("# %s\n", reason);
	image_close(i);
	return !reason && !check.errors && !check.internal;
}

/*
 * A life of which the host bears only so many changes. True: it bore all. What was flushed before is there in any case, what
 * was written after is old or new.
 */
static bool
life(uint64_t good, const char **what)
{
	uint8_t before = with_base ? 'o' : 0;
	bool bore;

	*what = NULL;
	create();
	open_disk(0);
	for (uint64_t n = 0; n < 6; n++)
		put(n * 16, (uint8_t)('a' + n));
	if (ask(DISK_FLUSH, 0, 0, NULL, 0))
		*what = "the flush of a host that is well fails";
	memory.good = good;
	memory.fails = true;
	bore = put(1, 'x') == 0;
	bore &= put(16, 'y') == 0;
	bore &= ask(DISK_ZERO, DISK_UNMAP, 32 * BLOCK, NULL, 16 * BLOCK) == 0;
	bore &= ask(DISK_DISCARD, 0, 48 * BLOCK, NULL, 16 * BLOCK) == 0;
	bore &= put(100, 'z') == 0;
	bore &= ask(DISK_FLUSH, 0, 0, NULL, 0) == 0;
	memory.fails = false;
	if (!holds(64, 'e') || !holds(0, 'a'))
		*what = "what was flushed cannot be read";
	if (!holds_either(1, before, 'x') || !holds_either(100, before, 'z') || !holds(101, before))
		*what = "what failed has changed other bytes";
	disk_close(disk);
	if (!sound())
		*what = "the image is not sound";
	open_disk(0);
	if (!holds(64, 'e') || !holds(0, 'a') || !holds_either(16, 'b', 'y'))
		*what = "what was flushed is lost";
	if (bore && (!holds(1, 'x') || !holds(16, 'y') || !holds(32, 0) || !holds(100, 'z')))
		*what = "what was borne is lost";
	disk_close(disk);
	return bore;
}

static void
test_failing(void)
{
	const char *what = NULL;
	uint64_t good = 0;

	while (!life(good, &what) && !what && good < 200)
		good++;
	ok(!what && good > 3 && good < 200, "a host that fails after any number of changes%s%s", with_base ? ", on a base" : "",
	    what ? what : "");
	if (what)
		printf("# after %llu\n", (unsigned long long)good);
}

static void
test_full(void)
{
	create();
	open_disk(0);
	put(0, 'a');
	memory.limit = memory.size;
	ok(put(200, 'b') == ENOSPC, "no space: the write fails");
	ok(holds(0, 'a') && put(1, 'c') == 0 && holds(1, 'c'), "what has its place goes on");
	memory.limit = UINT64_MAX;
	ok(put(200, 'b') == 0 && ask(DISK_FLUSH, 0, 0, NULL, 0) == 0, "there is space again");
	disk_close(disk);
	ok(sound(), "and the image is sound");
}

static void
test_stable(void)
{
	struct memory_log log = {0};
	uint8_t buf[BLOCK] = {1};

	create();
	open_disk(0);
	memory.log = &log;
	ok(ask(DISK_WRITE, DISK_FUA, 0, buf, sizeof(buf)) == 0 && log.n && log.changes[log.n - 1].what == CHANGE_FLUSH,
	    "a write that is to be stable ends with a flush");
	memory.log = NULL;
	memory_log_free(&log);
	disk_close(disk);
	create();
	open_disk(DISK_UNSAFE);
	log = (struct memory_log){0};
	memory.log = &log;
	ok(ask(DISK_WRITE, DISK_FUA, 0, buf, sizeof(buf)) == 0 && ask(DISK_FLUSH, 0, 0, NULL, 0) == 0, "unsafe: flushes succeed");
	for (size_t n = 0; n < log.n; n++)
		if (log.changes[n].what == CHANGE_FLUSH)
			last_error = EIO;
	ok(!last_error, "unsafe: none is made");
	memory.log = NULL;
	memory_log_free(&log);
	disk_close(disk);
}

int
main(void)
{
	diag_verbose = -2;
	memory.limit = base.limit = UINT64_MAX;
	test_failing();
	with_base = true;
	test_failing();
	with_base = false;
	test_full();
	test_stable();
	return tap_done();
}
