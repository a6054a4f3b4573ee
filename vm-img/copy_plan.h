/* SPDX-License-Identifier: ISC */
/* What a copy has to do next, from the maps of its sources: one stretch after the other. */
#ifndef VM_IMG_COPY_PLAN_H
#define VM_IMG_COPY_PLAN_H

#include "vm-img/copy_job.h"

/* What happens to bytes. */
enum fate {
	FATE_LOAD, /* they are read */
	FATE_ZERO, /* zeroes are written without a look at them */
	FATE_PASS, /* nothing: the target has them, or is to show its backing image's */
};

struct plan {
	const struct copy *copy;
	uint64_t at;	 /* the next byte of the disk */
	uint64_t unit;	 /* stretches begin and end at multiples of it, or at the end of the disk */
	uint64_t room;	 /* the most bytes of a JOB_LOAD, a multiple of unit */
	size_t source;	 /* that has what was looked at last, and where on the disk it begins */
	uint64_t source_at;
	int bad;	 /* salvage: why the last extent could not be mapped */
	uint64_t bad_at;
	/* What was looked at last; no bytes of it: nothing. A file system takes its time to find the end of a long extent. */
	struct extent seen;
	uint64_t seen_at;
	enum fate seen_fate;
	/* The last run of bytes that are not loaded: the end of one job is the beginning of the next. */
	uint64_t run_at, run_end;
	enum fate run_fate;
};

void plan_begin(struct plan *p, const struct copy *c);

/* The next job. What need not be written is passed over. 1: there is one; 0: the end; -errno, with j->err_off: mapping failed. */
int plan_next(struct plan *p, struct job *j);

#endif
