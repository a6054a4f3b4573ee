/* SPDX-License-Identifier: ISC */
/* From a net wire to a network device: its backend, its features and configuration (virtio 1.2, 5.1.3, 5.1.4). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/net.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define MTU_MIN 68 /* 5.1.4.1 */
#define MTU_MAX 65535

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
	c->status = NET_LINK_UP;
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
		p->wire = (struct watch){.fd = p->fd, .handler = net_on_wire};
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

/* What the set-up made, but neither the thread nor the descriptors. */
static void
release(struct net_dev *n)
{
	if (n->ops->close)
		n->ops->close(n);
	if (n->stuck_timer.fd >= 0)
		close(n->stuck_timer.fd);
	free(n->captures);
}

/* Everything of the device but its thread and its place on the bus. NULL or the reason. */
static const char *
build(struct net_dev *n, struct vm *vm, const struct wire *w, char *why, size_t size)
{
	const char *bad, *large = wire_get(w, "xgso");

	n->npairs = (unsigned)w->nfds;
	n->large = large && !strcmp(large, "on") && n->front == &net_front_virtio;
	n->up = true;
	n->stuck_timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	n->stuck_timer.handler = net_tx_stuck;
	n->owing.handler = net_virtq_tx_settle;
	init_virtio(n, vm, w);
	init_pairs(n, w);
	bad = read_keys(n, w);
	if (!bad && n->stuck_timer.fd < 0)
		bad = strerror(errno);
	if (!bad)
		bad = n->ops->open(n, why, size);
	n->captures = net_capture_select(vm->captures, w->id);
	if (n->vhost_wire && n->captures)
		warn("%s: a pcap sees nothing of frames that vhost carries", w->id);
	return bad;
}

static const char *
run(struct net_dev *n)
{
	int err = iothread_start(&n->io, n->virtio.id);

	if (err)
		return strerror(-err);
	err = loop_watch(&n->io.loop, &n->stuck_timer, EPOLLIN);
	if (err)
		iothread_stop(&n->io);
	return err ? strerror(-err) : NULL;
}

struct net_dev *
net_new(struct vm *vm, const struct wire *w, const struct net_front *front, const char **bad, char *why, size_t size)
{
	const struct net_backend *ops = backend_of(vm, w);
	struct net_dev *n = ops ? calloc(1, sizeof(*n) + w->nfds * sizeof(n->pairs[0])) : NULL;

	*bad = ops ? "no memory" : "no tap and no socket";
	if (!n)
		return NULL;
	n->front = front;
	n->ops = ops;
	n->vhost_wire = vhost_of(vm, w);
	*bad = build(n, vm, w, why, size);
	if (!*bad)
		*bad = run(n);
	if (!*bad)
		return n;
	release(n);
	free(n);
	return NULL;
}

void
net_free(struct net_dev *n, bool keep)
{
	iothread_stop(&n->io);
	release(n);
	for (unsigned i = 0; i < n->npairs && !keep; i++)
		close(n->pairs[i].fd);
	free(n);
}

const char *
net_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	const char *bad;
	struct net_dev *n = net_new(vm, w, &net_front_virtio, &bad, why, size);
	int err;

	if (!n)
		return bad;
	err = virtio_plug(&n->virtio, vm, hot);
	if (!err) {
		*out = &n->virtio;
		return NULL;
	}
	net_free(n, true);
	return err == -ENOSPC ? "no slots" : strerror(-err);
}
