/* SPDX-License-Identifier: ISC */
/*
 * The inside of the network device. A pair is a receive queue, a transmit queue and one descriptor of the wire. Chains
 * are taken off the rings into a hold, oldest first, and given back from there; what kind of wire it is only the backend
 * knows. Everything runs on the device's I/O thread unless it says otherwise.
 */
#ifndef KVM_RUN_NET_H
#define KVM_RUN_NET_H

#include <stdatomic.h>

#include "common/frame.h"
#include "common/net_mac.h"
#include "common/offload.h"
#include "common/util.h"
#include "kvm-run/net_hold.h"
#include "kvm-run/net_pcap.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_net.h"

/* virtio 1.2, 5.1.3 */
#define NET_F_CSUM (1ULL << 0)
#define NET_F_GUEST_CSUM (1ULL << 1)
#define NET_F_MTU (1ULL << 3)
#define NET_F_MAC (1ULL << 5)
#define NET_F_GUEST_TSO4 (1ULL << 7)
#define NET_F_GUEST_TSO6 (1ULL << 8)
#define NET_F_GUEST_ECN (1ULL << 9)
#define NET_F_HOST_TSO4 (1ULL << 11)
#define NET_F_HOST_TSO6 (1ULL << 12)
#define NET_F_HOST_ECN (1ULL << 13)
#define NET_F_MRG_RXBUF (1ULL << 15)
#define NET_F_STATUS (1ULL << 16)
#define NET_F_CTRL_VQ (1ULL << 17)
#define NET_F_CTRL_RX (1ULL << 18)
#define NET_F_MQ (1ULL << 22)

/* What a wire with the virtio header can do for the driver, and take from it. */
#define NET_OFFLOADS_HOST (NET_F_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_HOST_ECN)
#define NET_OFFLOADS_GUEST (NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_GUEST_ECN)

#define NET_HDR 12	   /* struct virtio_net_hdr with num_buffers, which every modern device has: 5.1.6 */
#define NET_HDR_BUFFERS 10 /* where num_buffers stands in it */
#define NET_BATCH 64	   /* frames for one system call, or for one turn of the loop */
#define NET_REACH 2048	   /* receive buffers that an ordinary frame needs */

/* 5.1.4, as far as the offered features reach */
struct net_config {
	uint8_t mac[6];
	uint16_t status; /* NET_LINK_UP or 0 */
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
};
#define NET_LINK_UP 1

struct net_pair {
	struct net_dev *dev;
	unsigned index; /* its queues are 2 * index and the next */
	struct virtio_queue *rxq, *txq;
	int fd;
	struct watch wire;
	bool active;	/* in use by the driver */
	bool rx_paused; /* no room in the ring: the wire is not read until the driver kicks */
	bool tx_blocked; /* the wire takes nothing more: the ring waits until it does */
	bool tx_rest;	 /* the backend has bytes to write before the next frame: it waits for the wire too */
	bool rx_pushed; /* used buffers that no interrupt was considered for yet */
	bool rx_told;	/* since frames were last given back to the driver it was told of received ones */
	bool tx_owed;	/* it was not told of those that were given back */
	size_t reach;	/* bytes of receive buffers to offer to one read */
	size_t offered; /* bytes that net_rx_room really offered */
	unsigned small; /* frames in a row that needed little */
	struct net_hold rx, tx;
};

/* A kind of wire. */
struct net_backend {
	/* Set-up, main thread: checks and readies the descriptors of all pairs, says in n->virtio.offered and n->vnet_hdr what
	 * the wire can do, of which n->large tells whether its word offers it. NULL or the reason. */
	const char *(*open)(struct net_dev *n, char *why, size_t size);
	void (*close)(struct net_dev *n); /* may be NULL, and called without open; frees n->backend, not the descriptors */
	/* What the driver accepted is known; 0 after it has gone. May be NULL. False: the host refuses. */
	bool (*set_features)(struct net_dev *n, uint64_t features);
	/* Starts or ends the use of a pair. May be NULL. False: the host refuses, and it is not in use. */
	bool (*attach)(struct net_pair *p, bool on);
	/* The guest sees the link come or go. May be NULL. */
	void (*link)(struct net_dev *n, bool up);
	/* The wire is readable, or receive buffers are there again: up to NET_BATCH frames by net_rx_*. NULL: the
	 * rings are served by somebody else, send too. */
	void (*recv)(struct net_pair *p);
	/* Sends the first n held frames of p->tx, or as many as the wire takes now; returns their number. Fewer than n,
	 * or p->tx_rest, means that it waits for the wire to become writable; n is 0 when only the rest is to be written.
	 * net_tx_lost() marks what was not sent for good. */
	unsigned (*send)(struct net_pair *p, unsigned n);
	/* What answers a frame may be there to be read as soon as it was sent. */
	bool prompt;
};

/* Whose the frames are: a virtio driver's, over its rings, or an e1000's driver's. */
struct net_front {
	/* See net_rx_ready and the functions that follow it. */
	bool (*rx_ready)(struct net_pair *p);
	unsigned (*rx_room)(struct net_pair *p, struct iovec *iov, unsigned max);
	void (*rx_done)(struct net_pair *p, size_t len);
	void (*rx_put)(struct net_pair *p, const struct offload *facts, const void *frame, size_t len);
	void (*rx_end)(struct net_pair *p);
	/* Frames from the driver into p->tx, up to NET_BATCH; those that no wire can carry are marked lost. False: nothing more
	 * comes before a reset. */
	bool (*tx_fetch)(struct net_pair *p);
	/* The first k held frames are done with, and are dropped from the hold next. May be NULL. */
	void (*tx_finish)(struct net_pair *p, unsigned k);
	/* The driver's kicks are not needed for now; are needed again (true: frames came meanwhile). Either may be NULL. */
	void (*tx_busy)(struct net_pair *p);
	bool (*tx_idle)(struct net_pair *p);
	/* Has net_tx called again, after others had their turn; and: frames were sent, one interrupt for all (may be NULL). */
	void (*tx_again)(struct net_pair *p);
	void (*tx_end)(struct net_pair *p);
	/* The cable was plugged in or pulled. */
	void (*link)(struct net_dev *n, bool up);
};

extern const struct net_front net_front_virtio;
extern const struct net_backend net_tap, net_stream, net_vde, net_packet, net_vhost;

struct net_counters {
	_Atomic uint64_t rx_frames, rx_bytes, rx_drops, tx_frames, tx_bytes, tx_drops;
};

struct net_dev {
	struct virtio_dev virtio; /* first: the transport casts back */
	struct iothread io;
	const struct net_front *front;
	const struct net_backend *ops;
	void *backend;	/* its own state */
	void *nic;	/* the front's, when it is not virtio */
	bool large;	/* the wire's other end can take them, and the front's driver, too */
	bool vnet_hdr;	/* frames on the wire carry the virtio header */
	bool mrg;	/* driver accepted mergeable receive buffers */
	size_t need;	/* bytes of receive buffers that let any legal frame in */
	unsigned ctrlq; /* index of the control queue: depends on what the driver accepted */
	bool pulled;	/* by net_set_link(false) */
	bool gone;	/* the other end of the wire closed it */
	atomic_bool up;
	bool stuck;	/* the peer has taken nothing for NET_STUCK_MS: frames to it are lost until it does */
	struct watch stuck_timer;
	struct watch owing; /* some pair has tx_owed */
	struct net_capture **captures; /* pcap wires that want these frames, NULL at the end; or NULL */
	const struct wire *vhost_wire; /* or NULL */
	struct net_counters count;
	uint8_t bounce[NET_HDR + FRAME_MAX]; /* the end of a frame longer than expected */
	unsigned npairs;
	struct net_pair pairs[];
};

static inline struct net_dev *
net_of_virtio(struct virtio_dev *d)
{
	return container_of(d, struct net_dev, virtio);
}

/* --- for backends --- */

/* Is there room for a frame? If not, the pair pauses and the backend stops reading. */
static inline bool
net_rx_ready(struct net_pair *p)
{
	return p->dev->front->rx_ready(p);
}

/*
 * Reading straight into the guest: fills in at most max entries of the driver's buffers, beginning with the virtio header
 * when n->vnet_hdr, followed by n->bounce for what does not fit; returns their number. After the read,
 * net_rx_done with the bytes it brought.
 */
static inline unsigned
net_rx_room(struct net_pair *p, struct iovec *iov, unsigned max)
{
	return p->dev->front->rx_room(p, iov, max);
}

static inline void
net_rx_done(struct net_pair *p, size_t len)
{
	p->dev->front->rx_done(p, len);
}

/* Delivers a copy of a frame (without virtio header). With n->vnet_hdr there may be facts, which the driver must have
 * accepted; else they are NULL. */
static inline void
net_rx_put(struct net_pair *p, const struct offload *facts, const void *frame, size_t len)
{
	p->dev->front->rx_put(p, facts, frame, len);
}

/* The frames of this turn are in: one interrupt for all. */
static inline void
net_rx_end(struct net_pair *p)
{
	p->dev->front->rx_end(p);
}

/* The other end closed the wire, or it failed: the link goes down for good. */
void net_gone(struct net_dev *n);

/* --- net_virtq_rx.c, net_virtq_tx.c: what net_front_virtio is made of --- */

bool net_virtq_rx_ready(struct net_pair *p);
unsigned net_virtq_rx_room(struct net_pair *p, struct iovec *iov, unsigned max);
void net_virtq_rx_done(struct net_pair *p, size_t len);
void net_virtq_rx_put(struct net_pair *p, const struct offload *facts, const void *frame, size_t len);
void net_virtq_rx_end(struct net_pair *p);
bool net_virtq_tx_fetch(struct net_pair *p);
void net_virtq_tx_finish(struct net_pair *p, unsigned k);
void net_virtq_tx_busy(struct net_pair *p);
bool net_virtq_tx_idle(struct net_pair *p);
void net_virtq_tx_again(struct net_pair *p);
void net_virtq_tx_end(struct net_pair *p);
/* The handler of n->owing. */
void net_virtq_tx_settle(struct watch *w, uint32_t events);

/* --- net_tx.c --- */

#define NET_STUCK_MS 1000

void net_tx(struct net_pair *p);
void net_tx_lost(struct net_pair *p, unsigned i);
void net_tx_writable(struct net_pair *p);
/* The handler of n->stuck_timer. */
void net_tx_stuck(struct watch *w, uint32_t events);

/* --- net_ctrl.c --- */

/* Answers what is in the control queue. */
void net_ctrl(struct net_dev *n);

/* --- virtio_net.c --- */

/* The driver uses the first `pairs` pairs from now on. False, and no change, when the host refuses. */
bool net_set_pairs(struct net_dev *n, unsigned pairs);

/* Brings one pair into use or out of it; false when the host refuses. */
bool net_pair_set(struct net_pair *p, bool on);

/* The handler of a pair's wire. */
void net_on_wire(struct watch *w, uint32_t events);

/* What of a pair's descriptor the loop shall report now. */
void net_watch(struct net_pair *p);

extern const struct virtio_ops net_ops;

static inline void
net_count(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* --- virtio_net_new.c --- */

/*
 * The part of a net wire's device that is the same for all fronts: keys, backend, captures, and its I/O thread, which runs.
 * NULL, with the reason in *bad, which may be in why.
 */
struct net_dev *net_new(struct vm *vm, const struct wire *w, const struct net_front *front, const char **bad, char *why,
    size_t size);

/* Takes all that apart; the descriptors are closed unless they are still the wire's (`keep`). */
void net_free(struct net_dev *n, bool keep);

#endif
