/* SPDX-License-Identifier: ISC */
/*
 * An end of a cable: a descriptor that carries Ethernet frames, many at once where the kernel allows it. What it is
 * decides the form: a stream socket (QEMU's framing), a seqpacket or datagram socket, connected or bound to a multicast
 * group, or a tap. A tap with virtio's header, and a stream whose ends agreed on it, carry large frames too (offload.h).
 */
#ifndef COMMON_CABLE_H
#define COMMON_CABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/offload.h"

#define CABLE_BATCH 64 /* frames taken at one wakeup before others get their turn */

struct cable {
	int fd;
	const struct cable_ops *ops;
	void *state;	  /* of the form */
	size_t frame_max; /* bytes; what is larger is not a frame of this network, unless it is many segments in one */
	unsigned takes;	  /* OFFLOAD_*: what the other end takes now */
	struct offload facts; /* of the frame that is being handed on */
	uint64_t dropped; /* frames that the other end had no room for */
	bool blocked;	  /* as cable_flush said last */
	bool broken;	  /* a length came that no frame has */
	bool gone;	  /* sending told that there is nobody: a datagram socket says it in no other way */
};

/* The bytes are the handler's to change. */
typedef void frame_handler(void *arg, uint8_t *frame, size_t len);

/*
 * For frames of at most `mtu` bytes behind the header. fd becomes non-blocking and stays the caller's. NULL, or why it
 * cannot be one; then there is nothing to close.
 */
const char *cable_open(struct cable *c, int fd, size_t mtu);
void cable_close(struct cable *c);

/*
 * Large frames are welcome: all that OFFLOAD_ALL says may come, and c->takes tells what may be sent. On a stream it is the
 * end with `accept` that begins; its wire's word must have had the offer (xgso). NULL, or why not.
 */
const char *cable_offload(struct cable *c, bool accept);

/* Hands on the frames that have arrived, about CABLE_BATCH of them. False when the other end is gone or broke the framing. */
bool cable_receive(struct cable *c, frame_handler *handle, void *arg);

/* Queues a copy of a frame, or sends it; when there is no room it is dropped, as on any cable. */
void cable_send(struct cable *c, const void *frame, size_t len);

/* The same for a frame in two pieces, the second perhaps empty, with facts that fit c->takes. */
void cable_send_facts(struct cable *c, const struct offload *facts, const struct iovec frame[2]);

/* More than half of what can be queued is: time to leave the sources of frames alone, or some get lost. */
bool cable_crowded(const struct cable *c);

/* Writes what is queued. True when nothing is left; else wait for POLLOUT. */
bool cable_flush(struct cable *c);

#endif
