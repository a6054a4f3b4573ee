/* SPDX-License-Identifier: ISC */
/* Tap wires: frames go straight between guest memory and the kernel, with the virtio header where the tap has it. */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm-run/net.h"

#define OFFLOADS_HOST (NET_F_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_HOST_ECN)
#define OFFLOADS_GUEST (NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_GUEST_ECN)

/* One queue of the tap. Its interface must be the same for all: the kernel would mix two networks up otherwise. */
static const char *
open_queue(struct net_dev *n, unsigned i, struct ifreq *ifr, char *why, size_t size)
{
	int fd = n->pairs[i].fd, header = NET_HDR, little = 1;
	struct ifreq own;

	memset(&own, 0, sizeof(own));
	if (ioctl(fd, TUNGETIFF, &own) < 0) {
		snprintf(why, size, "fd %d: TUNGETIFF: %s", fd, strerror(errno));
		return why;
	}
	if (i == 0)
		*ifr = own;
	if (strcmp(own.ifr_name, ifr->ifr_name) != 0 || own.ifr_flags != ifr->ifr_flags) {
		snprintf(why, size, "fd %d: no queue of tap %s", fd, ifr->ifr_name);
		return why;
	}
	if (n->npairs > 1 && !(own.ifr_flags & IFF_MULTI_QUEUE))
		return "tap has one queue only";
	if (!(own.ifr_flags & IFF_NO_PI))
		return "tap adds packet information (IFF_NO_PI is not set)";
	if (!(own.ifr_flags & IFF_VNET_HDR))
		return NULL;
	/* 1.0 headers are little endian and always have num_buffers, 5.1.6. */
	if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETVNETLE, &little) < 0) {
		snprintf(why, size, "fd %d: vnet header: %s", fd, strerror(errno));
		return why;
	}
	return NULL;
}

static bool
tap_attach(struct net_pair *p, bool on)
{
	struct ifreq ifr = {.ifr_flags = (short)(on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE)};

	/* The kernel spreads flows over all attached queues: one that the driver does not serve would swallow its share.
	 * The first always stays. */
	return p->index == 0 || ioctl(p->fd, TUNSETQUEUE, &ifr) == 0;
}

static bool
tap_set_features(struct net_dev *n, uint64_t features)
{
	unsigned f = 0;

	if (!n->vnet_hdr)
		return true;
	if (features & NET_F_GUEST_CSUM)
		f |= TUN_F_CSUM;
	if (features & NET_F_GUEST_TSO4)
		f |= TUN_F_TSO4;
	if (features & NET_F_GUEST_TSO6)
		f |= TUN_F_TSO6;
	if (features & NET_F_GUEST_ECN)
		f |= TUN_F_TSO_ECN;
	return ioctl(n->pairs[0].fd, TUNSETOFFLOAD, f) == 0;
}

static const char *
tap_open(struct net_dev *n, char *why, size_t size)
{
	struct ifreq ifr;

	for (unsigned i = 0; i < n->npairs; i++) {
		const char *bad = open_queue(n, i, &ifr, why, size);

		if (bad)
			return bad;
		/* Until the driver asks for it. */
		if (i > 0 && !tap_attach(&n->pairs[i], false)) {
			snprintf(why, size, "fd %d: TUNSETQUEUE: %s", n->pairs[i].fd, strerror(errno));
			return why;
		}
	}
	n->vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
	if (n->vnet_hdr)
		n->virtio.offered |= OFFLOADS_HOST | OFFLOADS_GUEST;
	/* Whoever had the tap before may have left offloads on that this driver never asked for. */
	tap_set_features(n, 0);
	return NULL;
}

static void
tap_recv(struct net_pair *p)
{
	struct iovec iov[NET_RING];

	for (unsigned i = 0; i < NET_BATCH && net_rx_ready(p); i++) {
		unsigned n = net_rx_room(p, iov, NET_RING);
		ssize_t len = readv(p->fd, iov, (int)n);

		if (len >= 0) {
			net_rx_done(p, (size_t)len);
		} else if (errno != EINTR) {
			if (errno != EAGAIN)
				net_gone(p->dev); /* EBADFD: the interface was deleted */
			break;
		}
	}
	net_rx_end(p);
}

static unsigned
tap_send(struct net_pair *p, unsigned n)
{
	const struct iovec *iov = p->tx.iov + p->tx.iov_first;

	for (unsigned i = 0; i < n; i++) {
		const struct net_chain *c = net_hold_chain(&p->tx, i);

		/* EIO: the interface is down. EINVAL: the guest wrote nonsense into the header. Both lose the frame. */
		if (c->len && writev(p->fd, iov, (int)c->niov) < 0) {
			if (errno == EAGAIN)
				return i;
			net_tx_lost(p, i);
		}
		iov += c->niov;
	}
	return n;
}

const struct net_backend net_tap = {
	.open = tap_open,
	.set_features = tap_set_features,
	.attach = tap_attach,
	.recv = tap_recv,
	.send = tap_send,
};
