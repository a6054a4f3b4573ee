/* SPDX-License-Identifier: ISC */
/*
 * What a power cut leaves of an image that was being changed. Every change of the image's file is recorded; then, for each point
 * of the record, the file is made as a disk could have it there: with all that was flushed, and of what came after it all,
 * nothing, or a random part, the last write torn between two sectors. Each such file must open as an image, be found without
 * errors (leaks are allowed), hold what was flushed, and be clean after a repair.
 */
#ifndef TESTS_POWERCUT_H
#define TESTS_POWERCUT_H

#include "common/image/image.h"
#include "tests/memory.h"

#define CUT_SECTOR 512
#define CUT_SECTORS 2048 /* of the disk */
#define CUT_SIZE (CUT_SECTORS * CUT_SECTOR)

/* What a sector may hold from the step on that began when `step` did: the sector filled with that number, 0 being zeroes. */
struct cut_value {
	uint32_t step, fill;
	bool or_before; /* or still what it held before, for ever: a discard */
};

struct cut_sector {
	struct cut_value *values; /* in order of time; the first is of step 0 */
	size_t n;
};

struct cut {
	const struct format *format;
	const char *options; /* of create, NAME=VALUE,...; "" */
	struct memory disk, data;  /* the image's file, and the data file of one that has it */
	struct memory created[2];  /* the same as they were created */
	struct memory_log log;
	struct image *image;
	struct cut_sector sectors[CUT_SECTORS];
	uint32_t step;	/* that is under way: writes, zeroes, and what a test adds */
	uint64_t dice;
	const char *failed; /* the first thing that went wrong, or NULL; text */
	size_t cut_at;	    /* the change of the record that was the last one then */
	char text[400], finding[200];
	unsigned long states; /* that were looked at */
};

/* A random number below n. */
uint32_t cut_rand(struct cut *c, uint32_t n);

/* Creates the image and opens it. */
void cut_begin(struct cut *c, const struct format *format, const char *options, uint64_t seed);

/* A step of the life: random writes, zeroes, discards; a flush, from which on all before it must be found again. */
void cut_change(struct cut *c);
void cut_flush(struct cut *c);

/* A test's own step, which leaves the disk's bytes as they are: noted, then done with c->image by the caller. */
void cut_step(struct cut *c);

/* Closes, then tries the cuts: at each change of the record, `random` more ways to lose a part. False: c->failed. */
bool cut_replay(struct cut *c, unsigned random);

void cut_end(struct cut *c);

#endif
