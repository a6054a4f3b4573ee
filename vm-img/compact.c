/* SPDX-License-Identifier: ISC */
/* vm-img compact: a qcow2 image made smaller where it is, and how much that gained. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "common/image/qcow2_compact.h"
#include "common/progress.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/size.h"

/* Bytes that the file takes on its disk. */
static uint64_t
taken(const struct image *i)
{
	struct stat st;

	return fstat(i->file->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static void
progress(void *user, uint64_t done, uint64_t total)
{
	progress_set(user, done, total);
}

static void
print(const struct qcow2_gain *gain, uint64_t before, uint64_t after)
{
	char size[4][32];

	printf("%" PRIu64 " clusters of zeroes given up, %" PRIu64 " moved\n", gain->zero, gain->moved);
	printf("file length: %s, was %s; disk size: %s, was %s\n", image_size_text(gain->after, size[0]), image_size_text(gain->before, size[1]),
	       image_size_text(after, size[2]), image_size_text(before, size[3]));
}

int
cmd_compact(int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_END};
	struct progress p;
	struct qcow2_gain gain = {.progress = progress, .user = &p};
	struct opening how;
	struct options o;
	struct image *i;
	struct why w;
	uint64_t before;

	options_init(&o, argv[0]);
	while (options_next(&o, argc, argv, ":f:qp", longs, "") != -1)
		;
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, IMAGE_WRITE);
	how.alone = true;
	i = chain_open_sealed(&how);
	if (!i)
		return 1;
	if (strcmp(i->format->name, "qcow2"))
		die("%s: images of format %s are not compacted in place; convert makes a new one", how.path, i->format->name);
	before = taken(i);
	progress_begin(&p, o.progress, false, stdout);
	if (qcow2_compact(i, &gain, &w))
		die("%s: %s", how.path, w.text);
	progress_end(&p, 1);
	if (!o.quiet)
		print(&gain, before, taken(i));
	chain_finish(i, how.path, NULL);
	return 0;
}
