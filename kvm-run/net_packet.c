/* SPDX-License-Identifier: ISC */
/*
 * Seqpacket and dgram socket wires: a frame a message, many messages for one system call. A dgram socket that is bound to
 * a multicast group sends to the group, and then hears itself: see echo.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/address.h"
#include "common/echo.h"
#include "kvm-run/net.h"

#define SLOTS 32     /* messages for one receive */
#define FETCHES (NET_BATCH / SLOTS)

struct packet {
	int family, type;
	union address group; /* to send to, when group_len is not 0 */
	socklen_t group_len;
	struct echo echo;
	unsigned next, have; /* slots received and not delivered: next..have */
	struct mmsghdr msg[SLOTS];
	struct iovec iov[SLOTS];
	uint8_t slot[SLOTS][FRAME_MAX + 2]; /* touched only as far as frames reach */
};

static const char *
find_peer(struct packet *s, int fd)
{
	socklen_t len = sizeof(s->group), type_len = sizeof(s->type);
	union address peer;
	socklen_t peer_len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &s->type, &type_len) < 0 || getsockname(fd, &s->group.sa, &len) < 0)
		return strerror(errno);
	s->family = s->group.sa.sa_family;
	if (address_is_multicast(&s->group))
		s->group_len = len;
	else if (getpeername(fd, &peer.sa, &peer_len) < 0)
		return "socket is neither connected nor bound to a multicast group";
	return NULL;
}

static const char *
packet_open(struct net_dev *n, char *why, size_t size)
{
	struct packet *s;
	const char *bad;

	(void)why;
	(void)size;
	if (n->npairs != 1)
		return "a socket has one queue only";
	s = calloc(1, sizeof(*s));
	if (!s)
		return "no memory";
	bad = find_peer(s, n->pairs[0].fd);
	if (bad) {
		free(s);
		return bad;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		s->iov[i] = (struct iovec){s->slot[i], FRAME_MAX + 1};
		s->msg[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &s->iov[i], .msg_iovlen = 1}};
	}
	n->backend = s;
	return NULL;
}

static void
packet_close(struct net_dev *n)
{
	free(n->backend);
}

/* A Unix socket that fails has lost its peer for good; UDP only reports that nobody listened there a while ago. */
static bool
is_fatal(const struct packet *s, int err)
{
	return s->family == AF_UNIX && err != EAGAIN && err != EINTR && err != ENOBUFS && err != EMSGSIZE;
}

/* Receives a batch into the slots. False: nothing there. */
static bool
fetch(struct net_pair *p, struct packet *s)
{
	int got = recvmmsg(p->fd, s->msg, SLOTS, MSG_DONTWAIT, NULL);

	if (got < 0 && is_fatal(s, errno))
		net_gone(p->dev);
	s->next = 0;
	s->have = got < 0 ? 0 : (unsigned)got;
	return got > 0;
}

static void
packet_recv(struct net_pair *p)
{
	struct packet *s = p->dev->backend;
	unsigned fetches = 0;

	while (net_rx_ready(p)) {
		const struct mmsghdr *m = &s->msg[s->next];

		if (s->next == s->have) {
			/* A batch that was not full emptied the socket; and a peer that never stops must not keep the thread. */
			if ((fetches && s->have < SLOTS) || fetches == FETCHES || p->dev->gone || !fetch(p, s))
				break;
			fetches++;
			continue;
		}
		if (m->msg_len == 0 && s->type == SOCK_SEQPACKET) {
			net_gone(p->dev);
			break;
		}
		if (!s->group_len || !echo_heard(&s->echo, s->slot[s->next], m->msg_len))
			net_rx_put(p, NULL, s->slot[s->next], m->msg_len);
		s->next++;
	}
	net_rx_end(p);
}

/* The first frame cannot be sent. True: it, or with the peer all, is lost; false: the socket is full. */
static bool
give_up(struct net_pair *p, struct packet *s, unsigned i, unsigned n)
{
	if (errno == EAGAIN)
		return false;
	net_tx_lost(p, i);
	if (is_fatal(s, errno)) {
		for (; i < n; i++)
			net_tx_lost(p, i);
		net_gone(p->dev);
	}
	return true;
}

static void
remember(struct packet *s, const struct msghdr *h, size_t len)
{
	uint8_t start[ECHO_BYTES];

	iov_read(h->msg_iov, (unsigned)h->msg_iovlen, 0, start, sizeof(start));
	echo_sent(&s->echo, start, len);
}

static unsigned
packet_send(struct net_pair *p, unsigned n)
{
	struct packet *s = p->dev->backend;
	struct mmsghdr msg[NET_BATCH];
	struct iovec *iov = p->tx.iov + p->tx.iov_first;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++) {
		struct msghdr *h = &msg[i].msg_hdr;

		*h = (struct msghdr){.msg_iov = iov, .msg_iovlen = net_hold_chain(&p->tx, i)->niov};
		if (s->group_len) {
			h->msg_name = &s->group;
			h->msg_namelen = s->group_len;
		}
		iov += h->msg_iovlen;
	}
	while (done < n) {
		unsigned run = done;
		int sent;

		if (!net_hold_chain(&p->tx, done)->len) { /* lost already */
			done++;
			continue;
		}
		while (run < n && net_hold_chain(&p->tx, run)->len)
			run++;
		sent = sendmmsg(p->fd, msg + done, run - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && !give_up(p, s, done, n))
			break;
		for (int i = 0; i < sent && s->group_len; i++) {
			const struct msghdr *h = &msg[done + (unsigned)i].msg_hdr;

			remember(s, h, net_hold_chain(&p->tx, done + (unsigned)i)->len);
		}
		done += sent < 0 ? 1 : (unsigned)sent;
	}
	return done;
}

const struct net_backend net_packet = {
	.open = packet_open,
	.close = packet_close,
	.recv = packet_recv,
	.send = packet_send,
};
