/* SPDX-License-Identifier: ISC */
/* Lists in qemu-img's spelling: KEY=VALUE,KEY=VALUE with a comma in a value written twice. */
#ifndef VM_IMG_WORDS_H
#define VM_IMG_WORDS_H

#include <stdbool.h>

struct words {
	char *text, *rest; /* a copy of the list, which keys and values are within */
};

void words_start(struct words *w, const char *list);

/* The next pair; value is NULL where there is no "=". False at the end. */
bool words_next(struct words *w, char **key, char **value);

/* Frees the copy, and so every key and value. */
void words_end(struct words *w);

#endif
