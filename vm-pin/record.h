/* SPDX-License-Identifier: ISC */
/* What undo needs: a file for each guest, which says how its threads were before the first set. */
#ifndef VM_PIN_RECORD_H
#define VM_PIN_RECORD_H

#include <sys/types.h>

#include "vm-pin/change.h"
#include "vm-pin/cpuset.h"

struct record {
	int fd;	      /* locked: of several at once, one is at work */
	char path[128];
	off_t end, kept; /* of what stands there, and of what stood there when it was opened */
	struct changes old; /* of each the thread's number, its start, and how it was */
	struct cpuset cpuset;
};

/*
 * Opens that of a guest, in dir (NULL: /run/vm/vm-pin, and $XDG_RUNTIME_DIR/vm-pin for those who are not root); create makes the directory and the file. What was left of an earlier process with that number is dropped,
 * and so, with create, are files of guests that have ended. Dies when it cannot. False: there is none (not with create).
 */
bool record_open(struct record *r, const char *dir, const struct guest *g, bool create);

/*
 * Adds how the threads were that are in c from that number on, as far as it is not yet said; and the cpuset, if that is to be set and
 * unless it is there. Dies when it cannot: so before anything is changed.
 */
void record_add(struct record *r, const struct changes *c, size_t from, const struct cpuset *cpuset, const struct guest *g);

/* Takes back what record_add did since record_open: the changes were not made. */
void record_cancel(struct record *r);

/* Deletes the file: all was undone. */
void record_delete(struct record *r);
void record_close(struct record *r);

/* Reads the text of a file, which is cut up. False: not one of ours. For record_open, and for tests. */
bool record_parse(struct record *r, char *text, pid_t *pid, uint64_t *start);

#endif
