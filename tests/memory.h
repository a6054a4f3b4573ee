/* SPDX-License-Identifier: ISC */
/*
 * Files in memory for tests of image code, which may be opened again and again, fail on demand, and whose changes may be recorded,
 * to see what a power cut would have left. Linked with: links: tests/memory.c
 */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/image/file.h"

struct memory;

/* A change, as it was asked of the file. */
struct memory_change {
	struct memory *memory;
	enum { CHANGE_WRITE, CHANGE_ZERO, CHANGE_TRUNCATE, CHANGE_FLUSH, CHANGE_MARK } what;
	uint64_t off, len;
	uint8_t *data; /* of a write */
};

struct memory_log {
	struct memory_change *changes;
	size_t n;
};

struct memory {
	uint8_t *bytes;
	uint64_t size, limit; /* growing past the limit is -ENOSPC */
	uint64_t room;	      /* allocated: kept from one content to the next, and grown by halves */
	struct memory_log *log; /* NULL: nothing is recorded */
	bool fails;		/* then, once `good` more changes have been made, each is -EIO, a write in part; or the one alone */
	bool once;
	uint64_t good;
	bool failed;		/* one was */
};

/* A file of these bytes, as many as there are; m stays the caller's and must outlive it. */
struct file *memory_open(struct memory *m, bool read_only);

/* Sets the content. */
void memory_set(struct memory *m, const void *bytes, uint64_t n);
void memory_free(struct memory *m);

/* Notes in the log that the test came to a point, of number n. */
void memory_mark(struct memory_log *log, uint64_t n);

/* Makes a recorded change to m, the first `len` bytes of it. */
void memory_apply(struct memory *m, const struct memory_change *c, uint64_t len);
void memory_log_free(struct memory_log *log);

#endif
