/* SPDX-License-Identifier: ISC */
/* Frames from the wire into a virtio driver's receive buffers (virtio 1.2, 5.1.6.3, 5.1.6.4); the contracts are in net.h. */
#include "kvm-run/net.h"

#define SMALL_RUN 256 /* after as many small frames in a row no large ones are expected */

/* Does the hold have what any legal frame may need? */
static bool
enough(const struct net_pair *p)
{
	return p->dev->mrg ? p->rx.bytes >= p->dev->need : p->rx.n > 0;
}

/* The ring has no more. A driver whose whole ring cannot hold the largest frame gets what fits: with half of the ring in
 * our hands it must not wait for us and we for it. */
static bool
must_do(const struct net_pair *p)
{
	return p->rx.n && 2 * p->rx.iov_n >= p->rxq->vq.size;
}

static bool
refill(struct net_pair *p)
{
	struct virtq *vq = &p->rxq->vq;

	while (!enough(p)) {
		int got = net_hold_pop(&p->rx, vq, true, 0);

		if (got < 0 || (got && !net_hold_chain(&p->rx, p->rx.n - 1)->len)) {
			virtio_broken(&p->dev->virtio, vq->broken ? vq->broken : "receive buffer without room");
			return false;
		}
		if (!got && (must_do(p) || !vq_want_kicks(vq)))
			return must_do(p);
	}
	return true;
}

bool
net_virtq_rx_ready(struct net_pair *p)
{
	if (p->rx_paused)
		return false;
	if (!p->dev->up) /* what comes is lost: no room is needed */
		return true;
	if (refill(p)) {
		vq_no_kicks(&p->rxq->vq);
		return true;
	}
	p->rx_paused = true;
	net_watch(p);
	return false;
}

/* The chains that a read may fill, and their buffers. */
static unsigned
offered_iovs(const struct net_pair *p, unsigned max)
{
	const struct net_hold *h = &p->rx;
	unsigned iovs = 0, chains = p->dev->mrg ? h->n : 1;
	size_t bytes = 0;

	for (unsigned i = 0; i < chains && bytes < p->reach; i++) {
		const struct net_chain *c = &h->chain[h->first + i];

		if (iovs + c->niov > max)
			break;
		iovs += c->niov;
		bytes += c->len;
	}
	return iovs;
}

unsigned
net_virtq_rx_room(struct net_pair *p, struct iovec *iov, unsigned max)
{
	struct net_dev *n = p->dev;
	const struct iovec *from = p->rx.iov + p->rx.iov_first;
	unsigned k = n->up ? offered_iovs(p, max - 1) : 0;
	size_t skip = n->vnet_hdr ? 0 : NET_HDR;
	unsigned out = iov_part(iov, from, k, skip, SIZE_MAX);

	p->offered = 0;
	for (unsigned i = 0; i < out; i++)
		p->offered += iov[i].iov_len;
	iov[out++] = (struct iovec){n->bounce, sizeof(n->bounce)};
	return out;
}

/* How many chains a frame of len bytes, header included, takes; 0 when it is to be lost: too short, too long for what the
 * driver gave, or the cable is out. */
static unsigned
chains_for(const struct net_pair *p, size_t len)
{
	const struct net_chain *c = &p->rx.chain[p->rx.first];
	unsigned most = p->dev->mrg ? p->rx.n : 1;
	size_t room = 0;

	if (!p->dev->up || len < NET_HDR + FRAME_MIN || len > NET_HDR + FRAME_MAX)
		return 0;
	for (unsigned k = 0; k < most; k++) {
		room += c[k].len;
		if (room >= len)
			return k + 1;
	}
	return 0;
}

/* Large frames come in bursts, and offering 64 KiB to every read makes each dearer: so only as much is offered as the
 * last frames needed, and the rest of a larger one is copied. */
static void
adapt(struct net_pair *p, size_t len)
{
	p->small = len <= NET_REACH ? p->small + 1 : 0;
	if (len > p->reach)
		p->reach = p->dev->need;
	else if (p->small >= SMALL_RUN)
		p->reach = NET_REACH;
}

/* Gives the driver the first k chains, which hold len bytes, header included: all at once, 5.1.6.4. */
static void
deliver(struct net_pair *p, unsigned k, size_t len)
{
	struct net_dev *n = p->dev;
	const struct iovec *iov = p->rx.iov + p->rx.iov_first;
	uint8_t header[NET_HDR] = {[NET_HDR_BUFFERS] = (uint8_t)k, (uint8_t)(k >> 8)};
	size_t keep = n->vnet_hdr ? NET_HDR_BUFFERS : 0; /* what the wire said; it leaves num_buffers alone */
	size_t left = len;

	iov_write(iov, p->rx.iov_n, keep, header + keep, sizeof(header) - keep);
	if (n->captures)
		net_capture_frame(n->captures, iov, p->rx.iov_n, NET_HDR, len - NET_HDR);
	for (unsigned i = 0; i < k; i++) {
		const struct net_chain *c = net_hold_chain(&p->rx, i);
		size_t part = left < c->len ? left : c->len;

		vq_fill(&p->rxq->vq, c->head, (uint32_t)part, i);
		left -= part;
	}
	vq_publish(&p->rxq->vq, k);
	net_hold_drop(&p->rx, k);
	net_count(&n->count.rx_frames, 1);
	net_count(&n->count.rx_bytes, len - NET_HDR);
	p->rx_pushed = true;
}

void
net_virtq_rx_done(struct net_pair *p, size_t len)
{
	size_t head = p->dev->vnet_hdr ? 0 : NET_HDR;
	unsigned k = chains_for(p, head + len);

	adapt(p, head + len);
	if (!k) {
		net_count(&p->dev->count.rx_drops, 1);
		return;
	}
	if (len > p->offered)
		iov_write(p->rx.iov + p->rx.iov_first, p->rx.iov_n, head + p->offered, p->dev->bounce,
		    len - p->offered);
	deliver(p, k, head + len);
}

void
net_virtq_rx_put(struct net_pair *p, const struct offload *facts, const void *frame, size_t len)
{
	static const struct offload none;
	unsigned k = chains_for(p, NET_HDR + len);

	if (!k) {
		net_count(&p->dev->count.rx_drops, 1);
		return;
	}
	if (p->dev->vnet_hdr)
		iov_write(p->rx.iov + p->rx.iov_first, p->rx.iov_n, 0, facts ? facts : &none, NET_HDR_BUFFERS);
	iov_write(p->rx.iov + p->rx.iov_first, p->rx.iov_n, NET_HDR, frame, len);
	deliver(p, k, NET_HDR + len);
}

void
net_virtq_rx_end(struct net_pair *p)
{
	if (!p->rx_pushed)
		return;
	virtio_interrupt(&p->dev->virtio, 2 * p->index);
	p->rx_pushed = false;
	p->rx_told = true;
}
