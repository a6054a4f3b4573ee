/* SPDX-License-Identifier: ISC */
/* How large a new image's file will be, to the byte what qemu-img says. */
#ifndef VM_IMG_MEASURE_H
#define VM_IMG_MEASURE_H

#include "vm-img/settings.h"

struct measure {
	uint64_t size;	      /* of the disk */
	struct image *source; /* what will be copied into it, or NULL */
	/* The answer, bytes. */
	uint64_t required, full, bitmaps;
	bool has_bitmaps;
};

/* For an image of that format with what -o said. NULL, or the reason. */
const char *measure(struct measure *m, const struct format *format, const struct settings *s, struct why *w);

#endif
