/* SPDX-License-Identifier: ISC */
/* links: vm-img/formats.c tests/memory.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * imgcut -f FORMAT N FILE: writes pieces of 64 KiB of bytes 1, 2, 3 to FILE's disk, at 0, 1 MiB, 2 MiB, each followed by a flush;
 * but the file stays as it is after the first N changes (writes, truncations, flushes) of it. Prints how many of the flushes had
 * succeeded by then.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/image/image.h"
#include "common/num.h"
#include "tests/memory.h"
#include "vm-img/formats.h"

#define PIECE (64 << 10)

static void
load(struct memory *m, const char *name)
{
	struct why w;
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct file *f = fd < 0 ? NULL : file_open_fd(fd, name, &w);
	uint8_t *bytes = f ? malloc(f->size) : NULL;

	if (!bytes || file_read(f, bytes, f->size, 0))
		die("%s: cannot be read", name);
	memory_set(m, bytes, f->size);
	free(bytes);
	file_close(f);
}

static void
store(const struct memory *m, const char *name)
{
	FILE *f = fopen(name, "we");

	if (!f || fwrite(m->bytes, 1, m->size, f) != m->size || fclose(f))
		die_sys("%s", name);
}

int
main(int argc, char **argv)
{
	struct memory m = {.limit = 64 << 20};
	static uint8_t piece[PIECE];
	const struct format *format;
	struct image_open how;
	struct image *i;
	unsigned flushed = 0;
	uint64_t changes;
	struct why w;

	if (argc != 5 || strcmp(argv[1], "-f") || !(format = format_find(argv[2])) || !num_parse(argv[3], 0, UINT32_MAX, &changes))
		die_usage("usage: imgcut -f FORMAT N FILE");
	load(&m, argv[4]);
	how = (struct image_open){.file = memory_open(&m, false), .flags = IMAGE_WRITE};
	i = image_open(format, &how, &w);
	if (!i)
		die("%s: %s", argv[4], w.text);
	m.fails = true;
	m.good = changes;
	for (int n = 0; n < 3; n++) {
		memset(piece, n + 1, PIECE);
		if (image_write(i, piece, PIECE, (uint64_t)n << 20) || image_flush(i))
			break;
		flushed++;
	}
	image_close(i);
	store(&m, argv[4]);
	memory_free(&m);
	printf("%u\n", flushed);
	return 0;
}
