/* SPDX-License-Identifier: ISC */
/*
 * libslirp works as if the network's MTU were 64 KiB: it costs by the packet. What it makes is brought to the guest's size
 * here: TCP segments go whole to a guest that takes them whole, with the size at which they count as cut, and are cut here
 * for any other; larger datagrams become fragments.
 */
#ifndef VM_SLIRP_LARGE_H
#define VM_SLIRP_LARGE_H

#include "common/cable.h"
#include "vm-slirp/mss.h"

struct large {
	struct cable *cable;
	struct mss mss;
	uint32_t id; /* of the next datagram of IPv6 that is cut */
};

/* A frame for the guest, of any size. */
void large_put(struct large *l, const uint8_t *frame, size_t len);

/* One of the guest's, with the cable's facts: makes of it what libslirp can take. */
void large_take(struct large *l, uint8_t *frame, size_t len);

#endif
