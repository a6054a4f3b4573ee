/* SPDX-License-Identifier: ISC */
/*
 * Copies what disks hold into an image: several disks one after the other. The calling thread reads and writes the images'
 * metadata, in order; others load, look for zeroes and compress, where that is more than the memory moves. What is written,
 * and in which order, does not depend on their number.
 */
#ifndef VM_IMG_COPY_H
#define VM_IMG_COPY_H

#include "common/image/image.h"

struct copy {
	struct image **sources;
	size_t n;
	struct image *target; /* at least as long as all sources */
	uint64_t sparse;      /* so many zero bytes in a row are not written as data; 0: all is written */
	bool zeroed;	      /* the target reads as zeroes */
	bool fresh;	      /* the target is new: what was never written in its file reads as zeroes */
	bool pack;	      /* compress, as target->pack says */
	int window_bits;      /* packer_new's */
	/*
	 * The target has a backing image of backing_size bytes: of the source, a single one, only the top layer is copied, and
	 * what is a hole there is left one.
	 */
	bool top_only;
	uint64_t backing_size;
	/*
	 * Of a target that is qcow2, for one that is written in a single pass: LAYOUT gives all data its place without reading any
	 * of it; EMIT writes the data to `emit`, where a target that was laid out has their places.
	 */
	enum copy_pass { COPY_ALL, COPY_LAYOUT, COPY_EMIT } pass;
	struct file *emit;
	bool offload;	 /* the kernel copies, and zeroes among the data are not looked for */
	bool salvage;	 /* what cannot be read becomes zeroes */
	unsigned threads;
	uint64_t rate;	 /* bytes a second; 0: no limit */
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void (*lost)(void *user, uint64_t off, uint64_t len, int err); /* salvage: this was read as zeroes; in order */
	void *user;
	uint64_t size;	 /* set by copy_size */
};

/* The bytes of all sources together, each a multiple of 512. */
uint64_t copy_size(struct copy *c);

/* Copies; the target is not flushed. NULL, or the reason. */
const char *copy_run(struct copy *c, struct why *w);

#endif
