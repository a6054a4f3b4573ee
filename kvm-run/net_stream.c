/* SPDX-License-Identifier: ISC */
/*
 * Stream-socket wires: many frames for one read and one write; a frame that went out in part is finished later. Where the
 * wire's word offers large frames, they go over it behind virtio's header, and notes tell what the driver accepted (frame.h).
 */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/net.h"

#define READ_SIZE (128 << 10)
#define NOTE_SIZE (FRAME_HEAD + FRAME_NOTE)
#define REST_SIZE (FRAME_HEAD + OFFLOAD_HEADER + FRAME_MAX + NOTE_SIZE)

struct stream {
	struct frame_reader in;
	struct frame_writer rest; /* of the one frame that was written in part, and a note */
	size_t head;		  /* bytes of the length before a frame */
	bool note_due;		  /* the other end is to hear of these: */
	uint32_t takes;
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
	if (n->large && !vde) {
		s->in.notes = true;
		n->vnet_hdr = true;
		n->virtio.offered |= NET_OFFLOADS_HOST | NET_OFFLOADS_GUEST;
	}
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

/* Writes what has to go before the next frame. False with errno, EAGAIN included. */
static bool
write_rest(struct net_pair *p, struct stream *s)
{
	uint32_t note = htobe32(s->takes);

	if (s->note_due && frame_put(&s->rest, &note, sizeof(note)))
		s->note_due = false;
	p->tx_rest = !frame_flush(&s->rest, p->fd);
	return !p->tx_rest && (!s->note_due || write_rest(p, s));
}

/* The first note of all, before any frame, is the driver's first start. */
static bool
stream_set_features(struct net_dev *n, uint64_t features)
{
	struct stream *s = n->backend;

	if (n->vnet_hdr) {
		s->takes = (uint32_t)features & OFFLOAD_ALL;
		s->note_due = true;
		write_rest(&n->pairs[0], s); /* or as soon as the wire takes it; that nobody is there is found out by reading */
	}
	return true;
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

/* The guest's kernel believes what its device tells it, so we do not believe the other end. */
static void
deliver(struct net_pair *p, const uint8_t *frame, size_t len)
{
	const struct stream *s = p->dev->backend;
	unsigned takes = (unsigned)p->dev->virtio.features & OFFLOAD_ALL;
	struct offload facts;

	if (!s->in.headed) {
		net_rx_put(p, NULL, frame, len);
		return;
	}
	memcpy(&facts, frame, OFFLOAD_HEADER);
	frame += OFFLOAD_HEADER;
	len -= OFFLOAD_HEADER;
	facts.flags &= OFFLOAD_F_NEEDS_CSUM | (takes & OFFLOAD_CSUM ? OFFLOAD_F_DATA_VALID : 0);
	if (offload_fits(&facts, len, takes) && offload_plain(&facts, frame, len))
		net_rx_put(p, &facts, frame, len);
	else
		net_count(&p->dev->count.rx_drops, 1);
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

		if (got == FRAME_IS_NOTE) {
			continue; /* whoever offers large frames takes all kinds of them */
		} else if (got > 0) {
			deliver(p, frame, len);
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

	if (!write_rest(p, s))
		return failed(p, n);
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
	.set_features = stream_set_features,
	.recv = stream_recv,
	.send = stream_send,
};

const struct net_backend net_vde = {
	.open = vde_open,
	.close = stream_close,
	.recv = stream_recv,
	.send = stream_send,
};
