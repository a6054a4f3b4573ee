/* SPDX-License-Identifier: ISC */
/*
 * Tap wires whose rings the kernel serves (vhost-net): this side sets it up and takes it down, and sees no frame. The
 * device files were opened by somebody else; the kernel worker reads guest memory through this process, its owner.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/wire.h"
#include "kvm-run/net.h"
#include "kvm-run/vhost.h"
#include "kvm-run/vm.h"

struct vhost {
	unsigned n;
	int fds[WIRE_FDS_MAX]; /* one a pair */
	uint64_t features;     /* accepted by the driver, as far as they concern vhost */
};

/* What a driver may accept for its rings; every kernel since 3.19 has them. */
#define RING_FEATURES (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | NET_F_MRG_RXBUF)

static const char *
open_vhost(struct net_dev *n, char *why, size_t size)
{
	const struct wire *w = n->vhost_wire;
	struct vhost *v = calloc(1, sizeof(*v));

	if (!v)
		return "no memory";
	n->backend = v;
	for (; v->n < n->npairs; v->n++) {
		v->fds[v->n] = w->fds[v->n];
		if (!vhost_prepare(v->fds[v->n], &n->virtio.vm->mem, RING_FEATURES)) {
			snprintf(why, size, "%s: fd %d: %s", w->id, v->fds[v->n], strerror(errno));
			return why;
		}
	}
	return net_tap.open(n, why, size);
}

static void
close_vhost(struct net_dev *n)
{
	struct vhost *v = n->backend;

	for (unsigned i = 0; v && i < v->n; i++)
		close(v->fds[i]);
	free(v);
	net_tap.close(n);
}

static bool
set_features(struct net_dev *n, uint64_t features)
{
	struct vhost *v = n->backend;

	v->features = (features & RING_FEATURES) | (n->vnet_hdr ? 0 : VHOST_ADDS_HEADER);
	return net_tap.set_features(n, features);
}

static bool
start_ring(int fd, unsigned index, const struct virtio_queue *q)
{
	const struct pci_dev *pci = &q->dev->pci;
	struct vhost_ring r = {
		.size = q->vq.size,
		.base = q->vq.next_avail,
		.desc = q->vq.desc,
		.avail = q->vq.avail,
		.used = q->vq.used,
		.kick_fd = q->kick_fd,
		.call_fd = q->vector < pci->nvectors ? pci->vectors[q->vector].fd : VHOST_NO_FD,
	};

	return vhost_start_ring(fd, index, &r);
}

static void
stop_pair(struct net_pair *p, int fd)
{
	struct virtio_queue *q[VHOST_RINGS] = {p->rxq, p->txq};

	vhost_set_tap(fd, VHOST_NO_FD);
	for (unsigned i = 0; i < VHOST_RINGS; i++)
		q[i]->vq.next_avail = q[i]->vq.next_used = vhost_stop_ring(fd, i);
	net_tap.attach(p, false);
}

static bool
attach(struct net_pair *p, bool on)
{
	const struct vhost *v = p->dev->backend;
	int fd = v->fds[p->index];

	if (on && net_tap.attach(p, true) && vhost_set_features(fd, v->features) && start_ring(fd, 0, p->rxq) &&
	    start_ring(fd, 1, p->txq) && vhost_set_tap(fd, p->dev->up ? p->fd : VHOST_NO_FD))
		return true;
	stop_pair(p, fd);
	return !on;
}

static void
set_link(struct net_dev *n, bool up)
{
	const struct vhost *v = n->backend;

	for (unsigned i = 0; i < v->n; i++)
		if (n->pairs[i].active)
			vhost_set_tap(v->fds[i], up ? n->pairs[i].fd : VHOST_NO_FD);
}

const struct net_backend net_vhost = {
	.open = open_vhost,
	.close = close_vhost,
	.set_features = set_features,
	.attach = attach,
	.link = set_link,
};
