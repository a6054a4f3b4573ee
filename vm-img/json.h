/* SPDX-License-Identifier: ISC */
/* JSON with a value a line and four blanks a level, as qemu-img prints it. */
#ifndef VM_IMG_JSON_H
#define VM_IMG_JSON_H

#include "common/image/describe.h"

#define JSON_DEPTH 16

struct json {
	struct describe describe; /* first: prints to stdout what it is told */
	unsigned depth;
	bool list[JSON_DEPTH], rest[JSON_DEPTH];
};

void json_init(struct json *j);

#endif
