/* SPDX-License-Identifier: ISC */
/*
 * The control queue (virtio 1.2, 5.1.6.5). The receive filters are accepted and not applied: every frame of the wire goes
 * to the guest, which filters itself; the wire already carries only what is meant for it.
 */
#include "kvm-run/net.h"

#define CLASS_RX 0
#define RX_ALLMULTI 1
#define CLASS_MAC 1
#define MAC_TABLE_SET 0
#define CLASS_MQ 4
#define MQ_VQ_PAIRS_SET 0

#define ACK_OK 0
#define ACK_ERR 1

static uint8_t
answer(struct net_dev *n, const struct vq_chain *c)
{
	uint8_t head[2];
	uint16_t pairs;

	if (iov_read(c->iov, c->nout, 0, head, sizeof(head)) < sizeof(head))
		return ACK_ERR;
	switch (head[0]) {
	case CLASS_RX:
		return head[1] <= RX_ALLMULTI ? ACK_OK : ACK_ERR;
	case CLASS_MAC:
		return head[1] == MAC_TABLE_SET ? ACK_OK : ACK_ERR;
	case CLASS_MQ:
		if (head[1] != MQ_VQ_PAIRS_SET || !(n->virtio.features & NET_F_MQ) ||
		    iov_read(c->iov, c->nout, sizeof(head), &pairs, sizeof(pairs)) < sizeof(pairs) || pairs < 1 ||
		    pairs > n->npairs)
			return ACK_ERR;
		return net_set_pairs(n, pairs) ? ACK_OK : ACK_ERR;
	}
	return ACK_ERR;
}

void
net_ctrl(struct net_dev *n)
{
	struct virtq *vq = &n->virtio.queues[n->ctrlq].vq;
	struct iovec iov[NET_RING];
	struct vq_chain c;
	int got = 0;

	/* One lap at most: the frames have their turn in between. */
	for (unsigned i = 0; i < NET_RING && (got = vq_pop(vq, &c, iov, NET_RING)) > 0; i++) {
		uint8_t ack = answer(n, &c);

		vq_push(vq, c.head, (uint32_t)iov_write(iov + c.nout, c.nin, 0, &ack, sizeof(ack)));
	}
	if (got < 0) {
		virtio_broken(&n->virtio, vq->broken);
		return;
	}
	virtio_interrupt(&n->virtio, n->ctrlq);
	if (vq_want_kicks(vq))
		virtio_kick_again(&n->virtio, n->ctrlq);
}
