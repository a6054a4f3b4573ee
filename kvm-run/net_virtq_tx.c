/* SPDX-License-Identifier: ISC */
/* Frames off a virtio driver's transmit rings (virtio 1.2, 5.1.6.2); the contracts are in net.h. */
#include "kvm-run/net.h"

static bool
sendable(const struct net_dev *n, size_t len)
{
	size_t head = n->vnet_hdr ? NET_HDR : 0;

	return len >= head + FRAME_MIN && len <= head + FRAME_MAX;
}

/* Takes frames off the ring up to a batch; those that no wire can carry go back at once. False: the ring is broken. */
bool
net_virtq_tx_fetch(struct net_pair *p)
{
	struct net_dev *n = p->dev;
	struct virtq *vq = &p->txq->vq;

	while (p->tx.n < NET_BATCH) {
		int got = net_hold_pop(&p->tx, vq, false, n->vnet_hdr ? 0 : NET_HDR);

		if (got < 0)
			virtio_broken(&n->virtio, vq->broken);
		if (got <= 0)
			return got == 0;
		if (!sendable(n, net_hold_chain(&p->tx, p->tx.n - 1)->len))
			net_tx_lost(p, p->tx.n - 1);
	}
	return true;
}

void
net_virtq_tx_finish(struct net_pair *p, unsigned k)
{
	struct virtq *vq = &p->txq->vq;

	for (unsigned i = 0; i < k; i++)
		vq_fill(vq, net_hold_chain(&p->tx, i)->head, 0, i);
	vq_publish(vq, k);
	p->rx_told = false;
}

void
net_virtq_tx_busy(struct net_pair *p)
{
	vq_no_kicks(&p->txq->vq);
}

bool
net_virtq_tx_idle(struct net_pair *p)
{
	return vq_want_kicks(&p->txq->vq);
}

void
net_virtq_tx_again(struct net_pair *p)
{
	virtio_kick_again(&p->dev->virtio, 2 * p->index + 1);
}

/*
 * A driver that looks at received frames takes back those that were sent as well, and then wants no interrupt for them: where it was
 * just told of received ones (most often the acknowledgement of what was sent), it is only asked later whether it does.
 */
void
net_virtq_tx_end(struct net_pair *p)
{
	if (p->rx_told) {
		p->tx_owed = true;
		loop_soon(&p->dev->io.loop, &p->dev->owing);
	} else {
		virtio_interrupt(&p->dev->virtio, 2 * p->index + 1);
	}
}

void
net_virtq_tx_settle(struct watch *w, uint32_t events)
{
	struct net_dev *n = container_of(w, struct net_dev, owing);

	(void)events;
	for (unsigned i = 0; i < n->npairs; i++) {
		if (n->pairs[i].tx_owed && n->pairs[i].active)
			virtio_interrupt(&n->virtio, 2 * i + 1);
		n->pairs[i].tx_owed = false;
	}
}
