/* SPDX-License-Identifier: ISC */
/* vm-img convert: what its command line says, in the order of its use. */
#ifndef VM_IMG_CONVERT_H
#define VM_IMG_CONVERT_H

#include "vm-img/copy.h"
#include "vm-img/output.h"
#include "vm-img/settings.h"

#define CONVERT_INPUTS 1024

struct convert {
	struct options options;
	char **inputs; /* paths; "-" is standard input */
	size_t ninputs;
	const char *snapshot; /* -l */
	const char *output;   /* path, or "-" */
	const struct format *format;
	struct settings settings;
	const char *backing, *backing_format;
	bool in_place; /* -n: the target is there */
	bool bitmaps, skip_broken;
	bool progress_json;
	struct copy copy; /* what of it the options say */
};

/* Takes the command line apart; dies where it is wrong. */
void convert_parse(struct convert *v, int argc, char **argv);

/* The target of a copy. */
struct target {
	struct output *output; /* NULL with -n */
	struct image *image;
};

/*
 * Opens (-n) or makes the target for v->copy.size bytes, and says in v->copy what it is like. Dies. What it makes appears only by
 * target_finish.
 */
void target_open(struct convert *v, struct target *t);

/* Writes back and closes. NULL, or the reason. */
const char *target_finish(struct convert *v, struct target *t, struct why *w);

/* Closes; nothing new appears. */
void target_abandon(struct target *t);

#endif
