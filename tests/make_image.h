/* SPDX-License-Identifier: ISC */
/*
 * Images of the formats that are only read, made of a disk's bytes (whole sectors), for tests. Linked with:
 * links: tests/make_image.c; libraries: zlib, bzip2.
 */
#ifndef TESTS_MAKE_IMAGE_H
#define TESTS_MAKE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct made {
	uint8_t *p; /* allocated */
	size_t n;
};

/*
 * By the name of a format, and of a variant of it: bochs (1, 2: the version), cloop (a block's size), parallels (old, new),
 * dmg (xml, fork: how chunks are listed; with ",bzip2": those that are zlib's else; with ",reversed": the disk's second half
 * first). NULL: the usual one. Aborts on other names.
 */
struct made make_image(const char *format, const char *variant, const uint8_t *disk, size_t n);

#endif
