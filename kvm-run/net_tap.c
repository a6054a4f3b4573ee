/* SPDX-License-Identifier: ISC */
/* Tap wires: frames go straight between guest memory and the kernel, with the virtio header where the tap has it. */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/fd.h"
#include "kvm-run/net.h"

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

/* Headers of virtio 1.0 are little endian and always have num_buffers, 5.1.6. */
static bool
set_header(int fd)
{
	int size = NET_HDR, little = 1;

	return ioctl(fd, TUNSETVNETHDRSZ, &size) == 0 && ioctl(fd, TUNSETVNETLE, &little) == 0;
}

static const char *
tap_open(struct net_dev *n, char *why, size_t size)
{
	struct ifreq ifr;
	bool ok = ioctl(n->pairs[0].fd, TUNGETIFF, &ifr) == 0;

	n->vnet_hdr = ok && (ifr.ifr_flags & IFF_VNET_HDR);
	/* Also because whoever had the tap before may have left offloads on that this driver never asked for. */
	ok = ok && (!n->vnet_hdr || set_header(n->pairs[0].fd)) && tap_set_features(n, 0);
	/* The other queues wait until the driver asks for them. */
	for (unsigned i = 0; i < n->npairs && ok; i++)
		ok = fd_set_nonblock(n->pairs[i].fd, true) && (i == 0 || tap_attach(&n->pairs[i], false));
	if (!ok) {
		snprintf(why, size, "tap: %s", strerror(errno));
		return why;
	}
	if (n->vnet_hdr)
		n->virtio.offered |= NET_OFFLOADS_HOST | NET_OFFLOADS_GUEST;
	return NULL;
}

/* Leaves the queues as they came: they may be handed to another machine. */
static void
tap_close(struct net_dev *n)
{
	for (unsigned i = 1; i < n->npairs; i++)
		tap_attach(&n->pairs[i], true);
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
	.close = tap_close,
	.set_features = tap_set_features,
	.attach = tap_attach,
	.recv = tap_recv,
	.send = tap_send,
	.prompt = true,
};
