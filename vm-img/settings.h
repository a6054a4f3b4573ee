/* SPDX-License-Identifier: ISC */
/* The lists of -o, checked against the options of a format. */
#ifndef VM_IMG_SETTINGS_H
#define VM_IMG_SETTINGS_H

#include "common/image/image.h"
#include "vm-img/options.h"

#define SETTINGS_MAX 64

struct settings {
	struct image_setting list[SETTINGS_MAX];
	size_t n;
};

/*
 * Takes all of -o, by the table of what there is. With help or ? among it, prints the table below the heading, and exits.
 * Dies on what is wrong, naming `file`. What is said twice is as said last.
 */
void settings_parse(struct settings *s, const struct options *o, const struct image_option *table, const char *heading, const char *file);

/* What -o said of an option, or NULL. */
const char *settings_text(const struct settings *s, const char *name);

#endif
