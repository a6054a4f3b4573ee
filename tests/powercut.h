/* SPDX-License-Identifier: ISC */
/*
 * Lives of an image, cut at every point of them (tests/past.h says how). Every change of its files is recorded, and what each
 * sector of the disk may hold when.
 */
#ifndef TESTS_POWERCUT_H
#define TESTS_POWERCUT_H

#include "common/image/image.h"
#include "tests/past.h"

#define CUT_SECTOR PAST_SECTOR
#define CUT_SECTORS 2048 /* of the disk */
#define CUT_SIZE (CUT_SECTORS * CUT_SECTOR)
#define CUT_BASE 0xba5eba5e /* the fill of the image below, which has half of the sectors */

/* What a sector may hold from the step on that began when `step` did: the sector filled with that number, 0 being zeroes. */
struct cut_value {
	uint32_t step, fill;
	uint32_t since;	/* steps before were done when this began, so it is what is left of them; its own, where it ran alone */
	size_t stable_at; /* so many changes were recorded when it was said to be stable by itself; 0: never */
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
	struct file *beside;	   /* the data file while the image is created */
	struct memory base;	   /* the file of the raw image below; empty: there is none */
	struct memory_log log;
	struct image *image;
	struct cut_sector sectors[CUT_SECTORS];
	uint32_t step;	/* that is under way: writes, zeroes, and what a test adds */
	uint64_t dice;
	const char *failed; /* the first thing that went wrong, or NULL; text */
	size_t cut_at;	    /* the change of the record that was the last one then */
	char text[400];
	unsigned long states; /* that were looked at */
};

/* A random number below n. */
uint32_t cut_rand(struct cut *c, uint32_t n);

/* Creates the image, on a base if one is wanted, and opens it. What is encrypted is so by CUT_SECRET. */
#define CUT_SECRET "abc"
void cut_begin(struct cut *c, const struct format *format, const char *options, bool on_base, uint64_t seed);

/* A step of the life: random writes, zeroes, discards; a flush, from which on all before it must be found again. */
void cut_change(struct cut *c);
void cut_flush(struct cut *c);

/* A test's own step, which leaves the disk's bytes as they are: noted, then done with c->image by the caller. */
void cut_step(struct cut *c);

/*
 * For who changes the disk in another way: some sectors; what they are from the step under way on, which began when all steps
 * before `since` were done; the bytes of one; and that all steps up to this one are on stable storage.
 */
void cut_choose(struct cut *c, uint32_t *first, uint32_t *n);
void cut_become(struct cut *c, uint32_t first, uint32_t n, struct cut_value v);
void cut_fill(uint8_t *sector, uint32_t fill);
void cut_stable(struct cut *c, uint32_t step);

/* Closes, then tries the cuts: at each change of the record, `random` more ways to lose a part. False: c->failed. */
bool cut_replay(struct cut *c, unsigned random);

void cut_end(struct cut *c);

#endif
