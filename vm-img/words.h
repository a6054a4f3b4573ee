/* SPDX-License-Identifier: ISC */
/* Lists in qemu-img's spelling: KEY=VALUE,KEY=VALUE with a comma in a value written twice. */
#ifndef VM_IMG_WORDS_H
#define VM_IMG_WORDS_H

#include <stdbool.h>

struct words {
	char *rest;
};

struct words words_start(const char *list);

/* The next pair, kept until the program ends; value is NULL where there is no "=". False at the end. */
bool words_next(struct words *w, char **key, char **value);

#endif
