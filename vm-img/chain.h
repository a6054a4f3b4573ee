/* SPDX-License-Identifier: ISC */
/*
 * Opening images by path: the one place that does, and that follows the names which images hold.
 *
 * The rules: no protocols and no json: names, ever. Names in an image are followed only where its format was said, by the
 * user or by the image on top of it; of a backing image whose format is not recorded it is not guessed. `follow` gives both
 * up, which is how qemu-img does. Only regular files and block devices are opened. A relative name starts where the image
 * that holds it is. Every file is locked, as QEMU does.
 */
#ifndef VM_IMG_CHAIN_H
#define VM_IMG_CHAIN_H

#include <stdbool.h>

#include "common/image/image.h"
#include "vm-img/options.h"

struct opening {
	const char *path;
	const char *format; /* what it is said to be; NULL: it is probed */
	unsigned flags;	    /* IMAGE_, of the top; backing images are opened for reading */
	bool alone;	    /* without its backing images */
	bool share;	    /* no locks */
	bool writable;	    /* the top's file is opened for writing, and so locked, whatever the flags say */
	bool follow;
	bool sync;	    /* every write is on stable storage when it is done */
	const uint8_t *secret;
	size_t secret_len;
	/* What the user says of the next image below (--image-opts backing.driver=...): its path, if not NULL, its format, its secret. */
	struct opening *below;
};

/* Fills it from the options and a word, a path or with --image-opts a list; dies where that is wrong. */
void opening_init(struct opening *how, const struct options *o, const char *word, const char *format, unsigned flags);

/* Opens an image and, unless it is to be alone, its whole chain. NULL after an error message. */
struct image *chain_open(const struct opening *how);

/* As chain_open, for who opens nothing else: sealed (seals.h) before and, if all went well, after it, as the flags want it. */
struct image *chain_open_sealed(const struct opening *how);

/*
 * Opens the next image below the lowest of this chain, for writing if `flags` say so. The flags of `how` do not matter here.
 * 1; 0: it has none; -1 after an error message.
 */
int chain_extend(struct image *top, const struct opening *how, unsigned flags);

/* Closes it; dies, about `name`, where `no` says why something could not be done with it, or what was written could not be kept. */
void chain_finish(struct image *top, const char *name, const char *no);

/* Where a name that the image holds leads to: relative to the image's own. Allocated. */
char *chain_path(const struct image *i, const char *name);

#endif
