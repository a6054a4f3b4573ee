/* SPDX-License-Identifier: ISC */
/*
 * How far long work is: as qemu-img shows it, "    (12.34/100%)" and a carriage return; or a line of JSON for each
 * hundredth, {"done": BYTES, "total": BYTES}; or nothing of that. And a line on stderr for each SIGUSR1.
 */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	enum { PROGRESS_ASKED, PROGRESS_SHOWN, PROGRESS_JSON } how; /* ASKED: for SIGUSR1 only */
	FILE *out;	/* of SHOWN and JSON */
	const char *what; /* stands before it: blanks, unless set after progress_begin */
	unsigned shown; /* hundredths of the last one; UINT_MAX: none yet */
};

/* From now on SIGUSR1 asks. out is stdout, or stderr where stdout carries the data. */
void progress_begin(struct progress *p, bool show, bool json, FILE *out);

/* done of total; cheap, to be called often. */
void progress_set(struct progress *p, uint64_t done, uint64_t total);

/* The work ended well. */
void progress_end(struct progress *p, uint64_t total);

#endif
