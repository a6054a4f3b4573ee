/* SPDX-License-Identifier: ISC */
/* A check that repairs. */
#ifndef COMMON_IMAGE_QCOW2_REPAIR_H
#define COMMON_IMAGE_QCOW2_REPAIR_H

#include "common/image/qcow2_flags.h"

struct repair {
	unsigned fix; /* CHECK_FIX_ */
	struct census census;
	struct refs stored;	  /* what the file says; where that is repaired, what was found */
	struct counts *before;	  /* what it said at first, where leaks are repaired */
	struct counts *structure; /* what of `found` is the refcount structure's own */
	bool rebuild;		  /* which cannot be written where it is */
};

/* All but L1 and L2 entries, which the census mended; then the image is the file's again. */
int repair(struct repair *r);

#endif
