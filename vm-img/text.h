/* SPDX-License-Identifier: ISC */
/* What an image says about itself, for people: a value a line behind its key, four blanks a level. */
#ifndef VM_IMG_TEXT_H
#define VM_IMG_TEXT_H

#include "common/image/describe.h"

#define TEXT_DEPTH 16

struct text {
	struct describe describe; /* first: prints to stdout what it is told */
	unsigned depth;
	bool list[TEXT_DEPTH];
	unsigned count[TEXT_DEPTH]; /* of the list's items so far */
};

/* `depth` levels in from the start. */
void text_init(struct text *t, unsigned depth);

/* Bytes from an image, on a terminal perhaps: control characters become "?". */
void text_string(const char *s);

#endif
