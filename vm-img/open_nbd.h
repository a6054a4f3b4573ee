/* SPDX-License-Identifier: ISC */
/* An NBD server's export in the place of an image. */
#ifndef VM_IMG_OPEN_NBD_H
#define VM_IMG_OPEN_NBD_H

#include <stddef.h>

/*
 * Of nbd+unix:///EXPORT?socket=PATH, the socket, connected, at 10 or above and open across exec, and in `keys` what its blk wire
 * says besides ("as=nbd,export=..."). -1 where the word is no such URI. Dies where it is wrong, or nobody listens.
 */
int open_nbd(const char *word, char *keys, size_t size);

#endif
