/* SPDX-License-Identifier: ISC */
/* Compression of an image's units: one packer a thread. What it makes depends on nothing but the unit. */
#ifndef VM_IMG_PACK_H
#define VM_IMG_PACK_H

#include <stddef.h>

#include "common/image/image.h"

struct packer;

/*
 * window_bits, 0 for the most, is of deflate: how far back it refers. Less than 15 takes zlib, at its speed, for readers that
 * inflate piece by piece with a small window. NULL: out of memory.
 */
struct packer *packer_new(enum image_pack how, int window_bits);
void packer_free(struct packer *p);

/* Packs n bytes into at most `room`. The length, or 0 where they do not fit. */
size_t packer_pack(struct packer *p, const void *in, size_t n, void *out, size_t room);

#endif
