/* SPDX-License-Identifier: ISC */
/*
 * What a power cut may leave of recorded files (tests/memory.h): all that was flushed of each, and of what came after it all,
 * nothing, or a random part, the last write torn between two sectors. And how an image is looked at that was left so: it must
 * open, be found without errors (leaks are allowed), hold what it has to, and be clean after a repair.
 * Linked with: links: tests/past.c tests/memory.c
 */
#ifndef TESTS_PAST_H
#define TESTS_PAST_H

#include "common/image/image.h"
#include "tests/memory.h"

#define PAST_SECTOR 512
#define PAST_FILES 8

struct past {
	const struct memory_log *log;
	unsigned n;
	struct memory *now[PAST_FILES]; /* made anew for each state; recorded no more */
	struct memory base[PAST_FILES]; /* as they were when the record began, then with what was flushed */
	size_t flushed_at[PAST_FILES];	/* changes before are in base */
};

/* A random number below n. */
uint32_t past_rand(uint64_t *dice, uint32_t n);

/* One of the files that the record is of, as it was when that began. */
void past_add(struct past *p, struct memory *m, const void *bytes, uint64_t size);

/* Goes past change i of the record, one after the other; true: it changed a file, so the states after it are worth a look. */
bool past_step(struct past *p, size_t i);

/* Makes the files of what was flushed and of a part of the changes before `end`; torn: the last may be a part of itself. */
void past_make(struct past *p, size_t end, unsigned keep_percent, bool torn, uint64_t *dice);
void past_end(struct past *p);

/* How to look at an image. */
struct past_look {
	struct image *(*open)(void *user, unsigned flags, struct why *w);
	const char *(*content)(void *user, struct image *i, struct why *w); /* NULL: it holds what it has to */
	void *user;
	bool broken; /* errors are borne until the repair */
};

/* NULL, or what is wrong with it. */
const char *past_look(const struct past_look *l, struct why *w);

#endif
