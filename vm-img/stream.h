/* SPDX-License-Identifier: ISC */
/* A file that is written from its beginning to its end: a pipe, a socket, a tape. */
#ifndef VM_IMG_STREAM_H
#define VM_IMG_STREAM_H

#include "common/image/file.h"

/*
 * Behind fd, which stays the caller's, for writes in the order of their offsets. What they pass over is zero, or the bytes
 * that `under`, the caller's too, has there. It cannot be read. NULL: out of memory.
 */
struct file *stream_new(int fd, const char *name, struct file *under);

/* Writes what is left, to the end of `under` or of the stream's own size. 0 or -errno. */
int stream_finish(struct file *f);

#endif
