/* SPDX-License-Identifier: ISC */
/* Stream-socket wires: many frames for one read and one write; a frame that went out in part is finished later. */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/net.h"

#define READ_SIZE (128 << 10)
#define REST_SIZE (FRAME_HEAD + FRAME_MAX)

struct stream {
	struct frame_reader in;
	struct frame_writer rest; /* of the one frame that was written in part */
	size_t head;		  /* bytes of the length before a frame */
	uint8_t read_buf[READ_SIZE];
	uint8_t rest_buf[REST_SIZE];
};

static const char *
open_framed(struct net_dev *n, bool vde)
{
	struct stream *s;
	int one = 1;

	if (n->npairs != 1)
		return "a socket has one queue only";
	s = calloc(1, sizeof(*s));
	if (!s)
		return "no memory";
	s->in = (struct frame_reader){.buf = s->read_buf, .cap = sizeof(s->read_buf), .vde = vde};
	s->head = vde ? FRAME_HEAD_VDE : FRAME_HEAD;
	s->rest = (struct frame_writer){.buf = s->rest_buf, .cap = sizeof(s->rest_buf)};
	/* Only TCP has it: what is written here is a batch already. */
	setsockopt(n->pairs[0].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	n->backend = s;
	return NULL;
}

static const char *
stream_open(struct net_dev *n, char *why, size_t size)
{
	(void)why;
	(void)size;
	return open_framed(n, false);
}

static const char *
vde_open(struct net_dev *n, char *why, size_t size)
{
	(void)why;
	(void)size;
	return open_framed(n, true);
}

static void
stream_close(struct net_dev *n)
{
	free(n->backend);
}

/* More bytes into the reader. False: come back when the loop says so. */
static bool
fill(struct net_pair *p, struct stream *s)
{
	ssize_t got = frame_fill(&s->in, p->fd);

	if (got == 0 || (got < 0 && errno != EAGAIN))
		net_gone(p->dev);
	return got > 0;
}

static void
stream_recv(struct net_pair *p)
{
	struct stream *s = p->dev->backend;
	const uint8_t *frame;
	bool filled = false;
	size_t len;

	/* One read a turn is a batch; what it brought is used up, as the loop does not know of it. */
	while (net_rx_ready(p)) {
		int got = frame_next(&s->in, &frame, &len);

		if (got > 0) {
			net_rx_put(p, frame, len);
		} else if (got < 0) {
			warn("%s: the peer broke the framing", p->dev->virtio.id);
			net_gone(p->dev);
			break;
		} else {
			if (filled || !fill(p, s))
				break;
			filled = true;
		}
	}
	net_rx_end(p);
}

/* All frames from `first` on that fit into one call, each behind its length. Returns how many frames. */
static unsigned
gather(struct net_pair *p, unsigned n, uint32_t *heads, struct iovec *out, unsigned *nout)
{
	const struct stream *s = p->dev->backend;
	const struct iovec *iov = p->tx.iov + p->tx.iov_first;
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct net_chain *c = net_hold_chain(&p->tx, i);

		if (c->len && k + 1 + c->niov > IOV_MAX) {
			n = i;
			break;
		}
		if (s->head == FRAME_HEAD_VDE && c->len > UINT16_MAX)
			net_tx_lost(p, i);
		heads[i] = htobe32((uint32_t)c->len);
		if (c->len)
			out[k++] = (struct iovec){(char *)&heads[i] + FRAME_HEAD - s->head, s->head};
		for (unsigned j = 0; c->len && j < c->niov; j++)
			out[k++] = iov[j];
		iov += c->niov;
	}
	*nout = k;
	return n;
}

/* Of n gathered frames `sent` bytes went out: keeps the rest of the one that was cut and returns how many are done with. */
static unsigned
keep_rest(struct net_pair *p, unsigned n, const struct iovec *iov, unsigned niov, size_t sent)
{
	struct stream *s = p->dev->backend;
	size_t end = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct net_chain *c = net_hold_chain(&p->tx, i);

		if (sent == end && c->len)
			return i;
		end += c->len ? s->head + c->len : 0;
		if (sent >= end)
			continue;
		s->rest.start = 0;
		s->rest.end = iov_read(iov, niov, sent, s->rest.buf, end - sent);
		p->tx_rest = true;
		return i + 1;
	}
	return n;
}

/* Sorts out a failed write: 0 frames are done with when it is to be tried again, else all are lost. */
static unsigned
failed(struct net_pair *p, unsigned n)
{
	if (errno == EAGAIN)
		return 0;
	for (unsigned i = 0; i < n; i++)
		net_tx_lost(p, i);
	p->tx_rest = false;
	net_gone(p->dev);
	return n;
}

static unsigned
stream_send(struct net_pair *p, unsigned n)
{
	struct stream *s = p->dev->backend;
	uint32_t heads[NET_BATCH];
	struct iovec iov[IOV_MAX];
	struct msghdr m = {.msg_iov = iov};
	unsigned niov, k;
	ssize_t sent;

	if (!frame_flush(&s->rest, p->fd))
		return failed(p, n);
	p->tx_rest = false;
	k = gather(p, n, heads, iov, &niov);
	if (!niov)
		return k;
	m.msg_iovlen = niov;
	do
		sent = sendmsg(p->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? failed(p, n) : keep_rest(p, k, iov, niov, (size_t)sent);
}

const struct net_backend net_stream = {
	.open = stream_open,
	.close = stream_close,
	.recv = stream_recv,
	.send = stream_send,
};

const struct net_backend net_vde = {
	.open = vde_open,
	.close = stream_close,
	.recv = stream_recv,
	.send = stream_send,
};
