/* SPDX-License-Identifier: ISC */
/* Files by their names, as the rules of chain.h have it. */
#ifndef VM_IMG_PATH_H
#define VM_IMG_PATH_H

#include <stdbool.h>

#include "common/image/file.h"

struct path_how {
	bool write, sync;
	bool share; /* not locked */
};

/* A regular file or block device, locked. NULL with the reason (without the name). */
struct file *path_open(const char *path, const struct path_how *how, struct why *w);

/* The name without "file:"; NULL, with the reason, where it is no path but a protocol's or json:. */
const char *path_plain(const char *name, struct why *w);

/* A name, relative to where the file `base` is. Allocated; dies without memory. */
char *path_beside(const char *base, const char *name);

/* Whether both names lead to one file, or one device. */
bool path_same(const char *a, const char *b);

#endif
