/* SPDX-License-Identifier: ISC */
/* Where an output goes: the directory and the name behind all symbolic links, and what is there now. */
#ifndef VM_IMG_OUTPUT_PLACE_H
#define VM_IMG_OUTPUT_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "common/why.h"

struct place {
	int dir;		 /* descriptor */
	int old;		 /* what exists, opened for writing and locked, or -1 */
	bool in_place;		 /* it cannot be replaced */
	char name[NAME_MAX + 1]; /* in dir */
};

/* Finds it. NULL, or the reason; place_close in any case, of one whose descriptors were -1 before. */
const char *place_find(struct place *p, const char *path, struct why *w);

/* A new file gets mode and owner of the old one, if there is one and as far as the process may. */
void place_copy_mode(const struct place *p, int fd);

/* A file written in place begins empty; a block device stays as it is. NULL, or the reason. */
const char *place_empty(const struct place *p, struct why *w);

void place_close(struct place *p);

#endif
