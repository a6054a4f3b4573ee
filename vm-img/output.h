/* SPDX-License-Identifier: ISC */
/*
 * New images, which appear under their names when they are complete: until then they are files without a name, or hidden
 * ones beside it, ".NAME.vm-img-PID", that no ordinary end of the process leaves behind. What cannot be replaced is written
 * in place: a block device, what /proc/self/fd names, a mount point, a file in a directory that takes no new ones.
 */
#ifndef VM_IMG_OUTPUT_H
#define VM_IMG_OUTPUT_H

#include <stdbool.h>

#include "common/image/file.h"
#include "common/why.h"

struct output;

/*
 * Begins a new file in the place of path, which stays the caller's memory; symbolic links are followed. What exists is held by
 * image locks, and replaced with its mode and owner, if it may be written. NULL with the reason (without the name).
 */
struct output *output_begin(const char *path, struct why *w);

/* A file of it, empty unless in place on a block device; the caller's. NULL with the reason. */
struct file *output_file(struct output *o, struct why *w);

/*
 * For image_create.beside, with an output as `user`: one more output, of that name seen from the first one's directory, which
 * ends as the first does and before it. The file is the output's, open until its end.
 */
struct file *output_beside(void *output, const char *name, struct why *w);

/* For image_open.named: a file of what output_beside made, the caller's. Other names are refused. */
struct file *output_named(void *output, const char *name, bool write, struct why *w);

/* Is there something that the new file replaces, or that is written in place? */
bool output_in_place(const struct output *o);

/*
 * The end, its files closed: all of them appear. With sync they are on stable storage before; an old file is replaced only by
 * such a one in any case, unless `unsafe`. NULL, or the reason; o is gone.
 */
enum output_sync { OUTPUT_UNSAFE, OUTPUT_DEFAULT, OUTPUT_SYNC };
const char *output_finish(struct output *o, enum output_sync sync, struct why *w);

/* The other end: nothing appears. NULL is let be. */
void output_abandon(struct output *o);

#endif
