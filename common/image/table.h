/* SPDX-License-Identifier: ISC */
/*
 * Tables of an image (a BAT, an L1, its L2s) as pages of its file: few of them in memory, whatever the image's size. A page
 * that was changed waits until tables_write, so that its user sees to what must be on disk before it is.
 */
#ifndef COMMON_IMAGE_TABLE_H
#define COMMON_IMAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/image/file.h"

#define TABLE_PAGE 4096

/* A table takes [start, start + len) of the file; its pages begin at multiples of TABLE_PAGE from start on. */
struct table {
	uint64_t start, len;
};

struct tables;

/* `read` fills a page; NULL: from the file. NULL: out of memory. */
struct tables *tables_new(struct file *f, int (*read)(void *user, void *buf, size_t len, uint64_t off), void *user);
void tables_free(struct tables *t);

/* *entry is the table's byte `at`, within it, and all up to the page's end; good until the next call. 0 or -errno. */
int tables_at(struct tables *t, struct table table, uint64_t at, uint8_t **entry);

/* The page that tables_at gave last was changed. */
void tables_changed(struct tables *t);

/* Whether pages wait to be written; whether they are so many that this should be soon. */
bool tables_dirty(const struct tables *t);
bool tables_full(const struct tables *t);

/* Writes the changed pages, by `write` or (NULL) to the file. They stay changed where that fails. */
int tables_write(struct tables *t, int (*write)(void *user, const void *buf, size_t len, uint64_t off), void *user);

/* Forgets all that is in memory, changed or not. */
void tables_forget(struct tables *t);

#endif
