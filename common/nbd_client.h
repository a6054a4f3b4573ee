/* SPDX-License-Identifier: ISC */
/* The beginning of a connection to an NBD server: what is agreed before the first request. */
#ifndef COMMON_NBD_CLIENT_H
#define COMMON_NBD_CLIENT_H

#include <stdint.h>

#include "common/why.h"

struct nbd_export {
	uint64_t size;
	unsigned flags; /* NBD_FLAG_ */
	uint32_t block_min, block_preferred, payload_max; /* bytes; defaults where the server says nothing */
};

/*
 * Asks the server at the other end for this export, with waiting of at most `seconds` for each answer. The socket blocks while
 * this runs. NULL, or the reason. Whatever the server says, what is in *e makes sense afterwards.
 */
const char *nbd_handshake(int fd, const char *name, unsigned seconds, struct nbd_export *e, struct why *w);

#endif
