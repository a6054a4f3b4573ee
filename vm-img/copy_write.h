/* SPDX-License-Identifier: ISC */
/* The last step of a copy: what a job has found to be written goes to the target. */
#ifndef VM_IMG_COPY_WRITE_H
#define VM_IMG_COPY_WRITE_H

#include "vm-img/copy_job.h"

struct writer {
	const struct copy *copy;
	/* Where a byte goes in which file is known: of a raw target, or of a new qcow2 one. */
	bool raw, clusters;
	bool no_share; /* the file systems do not share blocks */
};

void writer_begin(struct writer *w, const struct copy *c);

/* Whether jobs may be written by several threads, each with a writer of its own, in any order. */
bool writer_any_order(const struct writer *w);

/* Writes a loaded job. 0 or -errno. */
int writer_put(struct writer *w, struct job *j);

#endif
