/* SPDX-License-Identifier: ISC */
/* Walks over tables in the image's file, past the caches: piece by piece, over holes at no cost, changes written back. */
#ifndef COMMON_IMAGE_QCOW2_TABLE_H
#define COMMON_IMAGE_QCOW2_TABLE_H

#include "common/image/qcow2_state.h"

#define TABLE_PIECE (64 << 10)

struct table {
	struct file *file;
	uint8_t *buf;	   /* TABLE_PIECE bytes of the table; what is not in a hole */
	uint64_t at;	   /* of the file: where the piece begins */
	size_t from, to;   /* what of it was changed and not yet written */
};

/* Memory for walks, one at a time. */
int table_init(struct table *t, struct file *f);
void table_free(struct table *t);

/*
 * Calls `piece` for all of [off, off + len) that is not in holes: n bytes in t->buf, which are `first` bytes past off; n is a
 * multiple of 16 where len is. Ends when that returns other than 0.
 */
int table_walk(struct table *t, uint64_t off, uint64_t len, int (*piece)(void *arg, uint64_t first, size_t n), void *arg);

/* The 8 bytes from `at` in t->buf on become v. */
int table_put(struct table *t, size_t at, uint64_t v);

#endif
