/* SPDX-License-Identifier: ISC */
/* The life of the network device (virtio 1.2, 5.1). Its set-up is in virtio_net_new.c, the data path in net_*.c. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/net.h"

#define MTU_USUAL 1500
#define TAGGED 18     /* an Ethernet header with a VLAN tag */

/* --- link --- */

static void
update_link(struct net_dev *n)
{
	bool up = !n->pulled && !n->gone;

	if (n->up == up)
		return;
	n->up = up;
	if (n->ops->link)
		n->ops->link(n, up);
	n->front->link(n, up);
	/* Those that wait for room, or for the wire, have nothing to wait for while frames are lost anyway. */
	for (unsigned i = 0; i < n->npairs && !up; i++) {
		n->pairs[i].rx_paused = false;
		net_watch(&n->pairs[i]);
	}
}

void
net_gone(struct net_dev *n)
{
	n->gone = true;
	update_link(n);
	for (unsigned i = 0; i < n->npairs; i++)
		net_watch(&n->pairs[i]);
}

struct link_call {
	struct net_dev *n;
	bool up;
};

static void
do_set_link(void *arg)
{
	struct link_call *c = arg;

	c->n->pulled = !c->up;
	update_link(c->n);
}

void
net_set_link(struct net_dev *n, bool up)
{
	struct link_call c = {n, up};

	iothread_call(&n->io, do_set_link, &c);
}

bool
net_link(const struct net_dev *n)
{
	return n->up;
}

const uint8_t *
net_mac(const struct net_dev *n)
{
	return ((const struct net_config *)n->virtio.config)->mac;
}

struct net_dev *
net_of(struct virtio_dev *d)
{
	return net_of_virtio(d);
}

void
net_get_stats(const struct net_dev *n, struct net_stats *s)
{
	const struct net_counters *c = &n->count;

	s->rx_frames = c->rx_frames;
	s->rx_bytes = c->rx_bytes;
	s->rx_drops = c->rx_drops;
	s->tx_frames = c->tx_frames;
	s->tx_bytes = c->tx_bytes;
	s->tx_drops = c->tx_drops;
}

/* --- pairs, on the I/O thread --- */

void
net_watch(struct net_pair *p)
{
	struct net_dev *n = p->dev;
	uint32_t events = 0;

	if (p->active && !n->gone && n->ops->recv)
		events = (p->rx_paused ? 0 : EPOLLIN) | (p->tx_blocked ? EPOLLOUT : 0);
	loop_watch(&n->io.loop, &p->wire, events);
}

void
net_on_wire(struct watch *w, uint32_t events)
{
	struct net_pair *p = container_of(w, struct net_pair, wire);

	/* An error or hang-up is found out by the call that fails. */
	if (p->tx_blocked && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		net_tx_writable(p);
	if (!p->rx_paused && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		p->dev->ops->recv(p);
}

static void
pair_stop(struct net_pair *p)
{
	p->active = false;
	net_watch(p);
	net_hold_clear(&p->rx);
	net_hold_clear(&p->tx);
}

static bool
pair_start(struct net_pair *p)
{
	p->active = true;
	p->rx_paused = p->tx_blocked = p->rx_pushed = p->rx_told = p->tx_owed = false;
	p->reach = NET_REACH;
	p->small = 0;
	/* What of a frame is still to be written belongs to the wire, not to the driver that has gone. */
	p->tx_blocked = p->tx_rest;
	net_watch(p);
	return true;
}

bool
net_pair_set(struct net_pair *p, bool on)
{
	struct net_dev *n = p->dev;

	if (p->active == on)
		return true;
	if (!on)
		pair_stop(p);
	if (n->ops->attach && !n->ops->attach(p, on))
		return false;
	return !on || pair_start(p);
}

bool
net_set_pairs(struct net_dev *n, unsigned pairs)
{
	unsigned was = 0;

	while (was < n->npairs && n->pairs[was].active)
		was++;
	for (unsigned i = 0; i < n->npairs; i++) {
		bool on = i < pairs, ready = n->pairs[i].rxq->enabled && n->pairs[i].txq->enabled;

		if ((ready || !on) && net_pair_set(&n->pairs[i], on))
			continue;
		while (i > was)
			net_pair_set(&n->pairs[--i], false);
		return false;
	}
	return true;
}

/* --- virtio_ops --- */

static void
tell_link(struct net_dev *n, bool up)
{
	uint16_t status = up ? NET_LINK_UP : 0;

	virtio_config_set(&n->virtio, offsetof(struct net_config, status), &status, sizeof(status));
}

const struct net_front net_front_virtio = {
	.rx_ready = net_virtq_rx_ready,
	.rx_room = net_virtq_rx_room,
	.rx_done = net_virtq_rx_done,
	.rx_put = net_virtq_rx_put,
	.rx_end = net_virtq_rx_end,
	.tx_fetch = net_virtq_tx_fetch,
	.tx_finish = net_virtq_tx_finish,
	.tx_busy = net_virtq_tx_busy,
	.tx_idle = net_virtq_tx_idle,
	.tx_again = net_virtq_tx_again,
	.tx_end = net_virtq_tx_end,
	.link = tell_link,
};

static bool
net_start(struct virtio_dev *d)
{
	struct net_dev *n = net_of_virtio(d);
	uint64_t f = d->features;
	const struct net_config *c = (const struct net_config *)d->config;
	size_t mtu = (f & NET_F_MTU) && c->mtu > MTU_USUAL ? c->mtu : MTU_USUAL;

	n->mrg = f & NET_F_MRG_RXBUF;
	n->need = NET_HDR + (f & (NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6) ? FRAME_MAX : TAGGED + mtu);
	n->ctrlq = f & NET_F_MQ ? 2 * n->npairs : 2; /* 5.1.2 */
	n->stuck = false;
	if (n->ops->set_features && !n->ops->set_features(n, f))
		return false;
	d->own_kicks = !n->ops->recv;
	if (d->own_kicks && d->queues[n->ctrlq].enabled)
		loop_watch(&n->io.loop, &d->queues[n->ctrlq].kick, EPOLLIN | EPOLLET);
	return net_set_pairs(n, 1);
}

static void
net_stop(struct virtio_dev *d)
{
	struct net_dev *n = net_of_virtio(d);

	net_set_pairs(n, 0);
	if (n->ops->set_features)
		n->ops->set_features(n, 0);
}

static void
net_kick(struct virtio_dev *d, unsigned q)
{
	struct net_dev *n = net_of_virtio(d);
	struct net_pair *p = &n->pairs[q / 2];

	if (q == n->ctrlq) {
		if (d->features & NET_F_CTRL_VQ)
			net_ctrl(n);
		return;
	}
	if (q / 2 >= n->npairs || !p->active)
		return;
	if (q % 2) {
		net_tx(p);
	} else if (p->rx_paused) {
		p->rx_paused = false;
		net_watch(p);
		n->ops->recv(p); /* the backend may hold frames that no descriptor tells of */
	}
}

static void
net_destroy(struct virtio_dev *d)
{
	net_free(net_of_virtio(d), false);
}

const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.class_code = 0x020000, /* network, Ethernet */
	.start = net_start,
	.stop = net_stop,
	.kick = net_kick,
	.destroy = net_destroy,
};
