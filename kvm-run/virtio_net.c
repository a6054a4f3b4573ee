/* SPDX-License-Identifier: ISC */
/* The network device (virtio 1.2, 5.1): its set-up, configuration space and life. The data path is in net_*.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/util.h"
#include "kvm-run/net.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define CLASS_ETHERNET 0x020000
#define MTU_MIN 68    /* 5.1.4.1 */
#define MTU_MAX 65535
#define MTU_USUAL 1500
#define TAGGED 18     /* an Ethernet header with a VLAN tag */
#define STATUS_LINK_UP 1

/* 5.1.4, as far as the offered features reach */
struct net_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
};

static struct net_dev *
of_virtio(struct virtio_dev *d)
{
	return container_of(d, struct net_dev, virtio);
}

/* --- link --- */

static void
update_link(struct net_dev *n)
{
	bool up = !n->pulled && !n->gone;
	uint16_t status = up ? STATUS_LINK_UP : 0;

	if (n->up == up)
		return;
	n->up = up;
	if (n->ops->link)
		n->ops->link(n, up);
	virtio_config_set(&n->virtio, offsetof(struct net_config, status), &status, sizeof(status));
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
net_set_link(struct virtio_dev *d, bool up)
{
	struct link_call c = {of_virtio(d), up};

	iothread_call(d->io, do_set_link, &c);
}

bool
net_link(struct virtio_dev *d)
{
	return of_virtio(d)->up;
}

void
net_get_stats(struct virtio_dev *d, struct net_stats *s)
{
	const struct net_counters *c = &of_virtio(d)->count;

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

static void
on_wire(struct watch *w, uint32_t events)
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
	p->rx_paused = p->tx_blocked = p->rx_pushed = false;
	p->reach = NET_REACH;
	p->small = 0;
	/* What of a frame is still to be written belongs to the wire, not to the driver that has gone. */
	p->tx_blocked = p->tx_rest;
	net_watch(p);
	return true;
}

/* Brings one pair into use or out of it. */
static bool
pair_set(struct net_pair *p, bool on)
{
	struct net_dev *n = p->dev;

	if (p->active == on)
		return true;
	if (on && (!p->rxq->enabled || !p->txq->enabled))
		return false;
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
		if (pair_set(&n->pairs[i], i < pairs))
			continue;
		while (i > was)
			pair_set(&n->pairs[--i], false);
		return false;
	}
	return true;
}

/* --- virtio_ops --- */

static bool
net_start(struct virtio_dev *d)
{
	struct net_dev *n = of_virtio(d);
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
	struct net_dev *n = of_virtio(d);

	net_set_pairs(n, 0);
	if (n->ops->set_features)
		n->ops->set_features(n, 0);
}

static void
net_kick(struct virtio_dev *d, unsigned q)
{
	struct net_dev *n = of_virtio(d);
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
release(struct net_dev *n)
{
	if (n->ops->close)
		n->ops->close(n);
	if (n->stuck_timer.fd >= 0)
		close(n->stuck_timer.fd);
	free(n->captures);
}

static void
net_destroy(struct virtio_dev *d)
{
	struct net_dev *n = of_virtio(d);

	iothread_stop(&n->io);
	release(n);
	for (unsigned i = 0; i < n->npairs; i++)
		close(n->pairs[i].fd);
	free(n);
}

static const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.class_code = CLASS_ETHERNET,
	.start = net_start,
	.stop = net_stop,
	.kick = net_kick,
	.destroy = net_destroy,
};

/* --- set-up --- */

void
net_init(struct vm *vm)
{
	vm->mac_seed = net_mac_seed(vm->opt.name);
	vm->captures = net_capture_open(&vm->wires);
}

static const struct wire *
vhost_of(const struct vm *vm, const struct wire *w)
{
	for (size_t i = 0; i < vm->wires.n; i++)
		if (vm->wires.v[i].kind == WIRE_VHOST && wiring_of(&vm->wires, &vm->wires.v[i]) == w)
			return &vm->wires.v[i];
	return NULL;
}

static const struct net_backend *
backend_of(const struct vm *vm, const struct wire *w)
{
	switch (wiring_as(&vm->wires, w)) {
	case AS_TAP:
		return vhost_of(vm, w) ? &net_vhost : &net_tap;
	case AS_STREAM:
		return &net_stream;
	case AS_VDE:
		return &net_vde;
	case AS_PACKET:
		return &net_packet;
	default:
		return NULL;
	}
}

static const char *
read_keys(struct net_dev *n, const struct wire *w)
{
	struct net_config *c = (struct net_config *)n->virtio.config;
	const char *mac = wire_get(w, "mac"), *mtu = wire_get(w, "mtu");
	uint64_t v;

	net_mac_default(n->virtio.vm->mac_seed, w->id, c->mac);
	if (mac && !mac_parse(mac, c->mac))
		return "mac: no unicast MAC address";
	if (mtu) {
		if (!num_parse(mtu, MTU_MIN, MTU_MAX, &v))
			return "mtu: not in 68..65535";
		c->mtu = (uint16_t)v;
		n->virtio.offered |= NET_F_MTU;
	}
	c->status = STATUS_LINK_UP;
	c->max_virtqueue_pairs = (uint16_t)n->npairs;
	n->virtio.config_len = sizeof(*c);
	return NULL;
}

static void
init_pairs(struct net_dev *n, const struct wire *w)
{
	for (unsigned i = 0; i < n->npairs; i++) {
		struct net_pair *p = &n->pairs[i];

		p->dev = n;
		p->index = i;
		p->fd = w->fds[i];
		p->rxq = &n->virtio.queues[2 * i];
		p->txq = &n->virtio.queues[2 * i + 1];
		p->wire = (struct watch){.fd = p->fd, .handler = on_wire};
	}
}

static void
init_virtio(struct net_dev *n, struct vm *vm, const struct wire *w)
{
	struct virtio_dev *d = &n->virtio;

	d->ops = &net_ops;
	d->vm = vm;
	d->io = &n->io;
	snprintf(d->id, sizeof(d->id), "%s", w->id);
	d->offered = NET_F_MAC | NET_F_STATUS | NET_F_MRG_RXBUF | NET_F_CTRL_VQ | NET_F_CTRL_RX |
	    (n->npairs > 1 ? NET_F_MQ : 0);
	d->nqueues = 2 * n->npairs + 1;
	for (unsigned i = 0; i < d->nqueues; i++)
		d->queues[i].size_max = NET_RING;
}

/* Everything of the device but its thread and its place on the bus. NULL or the reason. */
static const char *
build(struct net_dev *n, struct vm *vm, const struct wire *w, char *why, size_t size)
{
	const char *bad;

	n->npairs = (unsigned)w->nfds;
	n->up = true;
	n->stuck_timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	n->stuck_timer.handler = net_tx_stuck;
	init_virtio(n, vm, w);
	init_pairs(n, w);
	bad = read_keys(n, w);
	if (!bad && n->stuck_timer.fd < 0)
		bad = strerror(errno);
	for (unsigned i = 0; i < n->npairs && !bad; i++)
		if (!fd_set_nonblock(n->pairs[i].fd, true))
			bad = strerror(errno);
	if (!bad)
		bad = n->ops->open(n, why, size);
	n->captures = net_capture_select(vm->captures, w->id);
	if (n->vhost_wire && n->captures)
		warn("%s: a pcap sees nothing of frames that vhost carries", w->id);
	return bad;
}

static const char *
run(struct net_dev *n, struct vm *vm, bool hot)
{
	int err = iothread_start(&n->io, n->virtio.id);

	if (err)
		return strerror(-err);
	err = loop_watch(&n->io.loop, &n->stuck_timer, EPOLLIN);
	if (!err)
		err = virtio_plug(&n->virtio, vm, hot);
	if (err)
		iothread_stop(&n->io);
	return err == -ENOSPC ? "no slots" : err ? strerror(-err) : NULL;
}

const char *
net_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	const struct net_backend *ops = backend_of(vm, w);
	struct net_dev *n;
	const char *bad;

	if (!ops)
		return "no tap and no socket";
	n = calloc(1, sizeof(*n) + w->nfds * sizeof(n->pairs[0]));
	if (!n)
		return "no memory";
	n->ops = ops;
	n->vhost_wire = vhost_of(vm, w);
	bad = build(n, vm, w, why, size);
	if (!bad)
		bad = run(n, vm, hot);
	if (bad) {
		release(n);
		free(n);
		return bad;
	}
	*out = &n->virtio;
	return NULL;
}
