/* SPDX-License-Identifier: ISC */
/* Chains that the network device has taken off a ring and not yet given back, the oldest first, with their buffers. */
#ifndef KVM_RUN_NET_HOLD_H
#define KVM_RUN_NET_HOLD_H

#include "kvm-run/virtq.h"

#define NET_RING 256 /* queue size; as others have it */
#define NET_HOLD_IOV (4 * NET_RING)

struct net_chain {
	uint16_t head;
	unsigned niov;
	size_t len; /* room of a receive buffer; bytes of a frame to send, 0 once it is lost */
};

struct net_hold {
	unsigned first, n;	    /* chains held: chain[first..first+n) */
	unsigned iov_first, iov_n; /* their buffers, in the same order */
	size_t bytes;		    /* sum of their len */
	struct net_chain chain[NET_RING];
	struct iovec iov[NET_HOLD_IOV];
};

/* Takes one more chain off the ring: its writable part for receiving, else its readable part without the first `skip`
 * bytes. 1, 0 when none is there or the hold is full, -1 when the ring is broken. */
int net_hold_pop(struct net_hold *h, struct virtq *vq, bool writable, size_t skip);

/* Holds bytes that lie elsewhere, as a chain of one buffer. There must be room: net_hold_clear, and fewer than NET_RING. */
void net_hold_put(struct net_hold *h, void *bytes, size_t len);

/* The first chain's entry i. */
struct net_chain *net_hold_chain(struct net_hold *h, unsigned i);

/* Forgets the first n chains, which were given back. */
void net_hold_drop(struct net_hold *h, unsigned n);
void net_hold_clear(struct net_hold *h);

#endif
