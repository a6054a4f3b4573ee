/* SPDX-License-Identifier: ISC */
/* An image made smaller where it is. */
#ifndef COMMON_IMAGE_QCOW2_COMPACT_H
#define COMMON_IMAGE_QCOW2_COMPACT_H

#include "common/image/qcow2_state.h"

struct qcow2_gain {
	uint64_t before, after; /* bytes of the file */
	uint64_t zero, moved;	/* clusters: that held zeroes and went, that went to a lower place */
	void (*progress)(void *user, uint64_t done, uint64_t total); /* or NULL */
	void *user;
};

/*
 * Gives up clusters of the active disk that hold but zeroes, moves those at the end of the file into free ones before, and cuts
 * the file. The image is open for writing and without errors, or this is refused; what snapshots share and what is compressed
 * stays where it is. A cut at any point leaves leaked clusters at worst. NULL, or the reason.
 */
const char *qcow2_compact(struct image *i, struct qcow2_gain *gain, struct why *w);

#endif
