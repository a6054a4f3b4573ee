/* SPDX-License-Identifier: ISC */
/*
 * An end of a cable: a descriptor that carries Ethernet frames, many at once where the kernel allows it. What it is
 * decides the form: a stream socket (QEMU's framing), a seqpacket or datagram socket, connected or bound to a multicast
 * group, or a tap.
 */
#ifndef COMMON_CABLE_H
#define COMMON_CABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CABLE_BATCH 64 /* frames taken at one wakeup before others get their turn */

struct cable {
	int fd;
	const struct cable_ops *ops;
	void *state;	  /* of the form */
	size_t frame_max; /* bytes; what is larger is not a frame of this network */
	uint64_t dropped; /* frames that the other end had no room for */
	bool blocked;	  /* as cable_flush said last */
	bool broken;	  /* a length came that no frame has */
	bool gone;	  /* sending told that there is nobody: a datagram socket says it in no other way */
};

typedef void frame_handler(void *arg, const uint8_t *frame, size_t len);

/*
 * For frames of at most `mtu` bytes behind the header. fd becomes non-blocking and stays the caller's. NULL, or why it
 * cannot be one; then there is nothing to close.
 */
const char *cable_open(struct cable *c, int fd, size_t mtu);
void cable_close(struct cable *c);

/* Hands on the frames that have arrived, about CABLE_BATCH of them. False when the other end is gone or broke the framing. */
bool cable_receive(struct cable *c, frame_handler *handle, void *arg);

/* Queues a copy of a frame, or sends it; when there is no room it is dropped, as on any cable. */
void cable_send(struct cable *c, const void *frame, size_t len);

/* Writes what is queued. True when nothing is left; else wait for POLLOUT. */
bool cable_flush(struct cable *c);

#endif
