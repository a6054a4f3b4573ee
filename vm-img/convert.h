/* SPDX-License-Identifier: ISC */
/* vm-img convert: what its command line says, in the order of its use. */
#ifndef VM_IMG_CONVERT_H
#define VM_IMG_CONVERT_H

#include "vm-img/copy.h"
#include "vm-img/output.h"
#include "vm-img/settings.h"

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
	struct image *image;
	struct output *output; /* NULL with -n, and of a stream */
	int stream;	       /* descriptor, or -1 */
	int spool;	       /* what goes into the stream at the end, or -1 */
	bool in_passes;	       /* only the layout is spooled */
};

/*
 * Opens (-n) or makes the target for v->copy.size bytes, and says in v->copy what it is like. Dies. What it makes appears only by
 * target_finish.
 */
void target_open(struct convert *v, struct target *t);

/* Copies into it, writes back and closes. NULL, or the reason, without or with the output's name in it. */
const char *target_fill(struct convert *v, struct target *t, struct why *w);
const char *target_finish(struct convert *v, struct target *t, struct why *w);

/* Closes; nothing new appears. */
void target_abandon(struct target *t);

/* Whether the output is written from its beginning to its end: "-", or a path to a pipe or character device. */
bool stream_wanted(const struct convert *v);

/* The parts of the above for such a one: the file to make the image in; what to do instead of one copy; the end. */
struct file *stream_target(struct convert *v, struct target *t, struct why *w);
const char *stream_fill(struct convert *v, struct target *t, struct why *w);
const char *stream_end(struct convert *v, struct target *t, struct why *w);

#endif
