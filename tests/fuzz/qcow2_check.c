/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/fields.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * Any bytes as a qcow2 image: checked, repaired, and checked again. What repair said to be clean is clean then, and its
 * snapshots can be gone back to and deleted.
 */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/qcow2_snapshot.h"
#include "tests/memory.h"

#define HEADER 72
#define TABLE_MAX 4096 /* entries of L1; clusters of the refcount table are worth 64 of them */

static struct memory memory = {.limit = 8 << 20};

static struct image *
open_image(unsigned flags)
{
	struct why w;
	struct image_open how = {.file = memory_open(&memory, false), .flags = flags};

	return image_open(&format_qcow2, &how, &w);
}

/* Errors and leaks left, or -1 where the image cannot be opened or checked. */
static int64_t
check(unsigned fix)
{
	struct image *i = open_image(IMAGE_CHECK | (fix ? IMAGE_WRITE : 0));
	struct image_check c = {0};
	struct why w;
	int64_t left;

	if (!i)
		return -1;
	left = format_qcow2.check(i, fix, &c, &w) ? -1 : (int64_t)(c.errors + c.leaks);
	if (image_close(i))
		left = -1;
	return left;
}

static void
snapshots(void)
{
	struct image *i = open_image(IMAGE_WRITE);
	struct why w;

	if (!i)
		return;
	qcow2_snapshot_create(i, "new", &w);
	if (qcow2_of(i)->nsnapshots)
		qcow2_snapshot_apply(i, &qcow2_of(i)->snapshots[0], &w);
	if (qcow2_of(i)->nsnapshots)
		qcow2_snapshot_delete(i, &qcow2_of(i)->snapshots[0], &w);
	image_close(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Large tables are for img_hostile.bats: here they would only take time. */
	if (size >= HEADER && (get_be32(data + 36) > TABLE_MAX || get_be32(data + 56) > TABLE_MAX / 64))
		return 0;
	memory_set(&memory, data, size);
	check(0);
	if (check(CHECK_FIX_LEAKS | CHECK_FIX_ERRORS) == 0 && check(0) != 0)
		abort();
	snapshots();
	check(0);
	return 0;
}
