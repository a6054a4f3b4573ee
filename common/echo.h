/* SPDX-License-Identifier: ISC */
/*
 * Own frames that come back from a multicast group. The sender's address does not tell, since programs of one host share
 * address and port, nor does the MAC address, since who bridges sends from any. But each frame sent comes back once, and in
 * order, so remembering what was sent finds exactly the echoes.
 */
#ifndef COMMON_ECHO_H
#define COMMON_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECHOES 256    /* own frames remembered; more are never under way */
#define ECHO_BYTES 64 /* of a frame that tell it from others: they hold addresses, ids and sequence numbers */

struct echo {
	uint64_t digest[ECHOES];
	unsigned first, end; /* of those not yet heard; counted on, modulo ECHOES */
};

/* A frame of len bytes was sent, which begins with these: the first ECHO_BYTES, or all. */
void echo_sent(struct echo *e, const void *start, size_t len);

/* Whether this frame is one of ours. */
bool echo_heard(struct echo *e, const void *frame, size_t len);

#endif
