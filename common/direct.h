/* SPDX-License-Identifier: ISC */
/* I/O past the page cache. */
#ifndef COMMON_DIRECT_H
#define COMMON_DIRECT_H

#include <stdbool.h>
#include <stdint.h>

#define DIRECT_ALIGN_MAX (64U << 10)

/* What offsets and lengths, and addresses in memory, are to be multiples of: powers of two, at most DIRECT_ALIGN_MAX. */
struct direct {
	uint32_t offset, memory;
};

/* Has a regular file or block device go past the page cache (O_DIRECT). NULL, or the reason. */
const char *direct_begin(int fd, struct direct *d);

#endif
