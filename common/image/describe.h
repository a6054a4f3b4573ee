/* SPDX-License-Identifier: ISC */
/*
 * What an image says about itself in `info`: a tree of named values, told to whoever prints it. Keys are qemu-img's of its
 * JSON ("lazy-refcounts"); within a list the key is NULL. Strings come from images and may hold any byte but NUL.
 */
#ifndef COMMON_IMAGE_DESCRIBE_H
#define COMMON_IMAGE_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

struct describe {
	void (*string)(struct describe *d, const char *key, const char *value);
	void (*number)(struct describe *d, const char *key, int64_t value);
	void (*boolean)(struct describe *d, const char *key, bool value);
	void (*begin)(struct describe *d, const char *key, bool list); /* an object, or a list */
	void (*end)(struct describe *d);
};

#endif
