/* SPDX-License-Identifier: ISC */
/* Frames to and from the guest; the contracts are in cable.h. */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/frame.h"
#include "vm-slirp/cable_form.h"

#define BUFFER (128 * 1024) /* of a stream, each way: more than a TCP window, less than the second-level cache */
#define HEADER 18	    /* Ethernet with a VLAN tag */

void *
cable_allocate(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		die("out of memory");
	return p;
}

bool
cable_would_block(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR || err == ENOBUFS;
}

/* Stream sockets: one read or write carries as many frames as fit. */
struct stream {
	struct frame_reader in;
	struct frame_writer out;
};

static bool
stream_receive(struct cable *c, frame_handler *handle, void *arg)
{
	struct stream *s = c->state;
	const uint8_t *frame;
	ssize_t n = frame_fill(&s->in, c->fd);
	size_t len;
	int got;

	if (n <= 0)
		return n < 0 && cable_would_block(errno);
	while ((got = frame_next(&s->in, &frame, &len)) > 0)
		if (len <= c->frame_max)
			handle(arg, frame, len);
	if (got < 0)
		warn("the guest's end sent a length that no frame has");
	return got == 0;
}

static bool
stream_flush(struct cable *c)
{
	struct stream *s = c->state;

	if (frame_flush(&s->out, c->fd))
		return true;
	if (cable_would_block(errno))
		return false;
	s->out.start = s->out.end = 0; /* nobody will read it: receiving tells whether anybody is there at all */
	return true;
}

static void
stream_send(struct cable *c, const void *frame, size_t len)
{
	struct stream *s = c->state;

	if (frame_put(&s->out, frame, len))
		return;
	stream_flush(c);
	if (!frame_put(&s->out, frame, len))
		c->dropped++;
}

static void
stream_open(struct cable *c)
{
	struct stream *s = cable_allocate(sizeof(*s));

	s->in.cap = s->out.cap = BUFFER;
	s->in.buf = cable_allocate(BUFFER);
	s->out.buf = cable_allocate(BUFFER);
	c->state = s;
}

/* Packet sockets: a frame a message, CABLE_BATCH messages a call. */
struct batch {
	struct mmsghdr msg[CABLE_BATCH];
	struct iovec iov[CABLE_BATCH];
	unsigned start, end; /* of those waiting to be sent */
};

struct packet {
	struct batch in, out;
	bool local; /* a Unix socket, whose refusal is for good; UDP's is not */
};

static void
batch_init(struct batch *b, size_t frame_max)
{
	uint8_t *buf = cable_allocate(CABLE_BATCH * frame_max);

	for (size_t i = 0; i < CABLE_BATCH; i++) {
		b->iov[i] = (struct iovec){.iov_base = buf + i * frame_max, .iov_len = frame_max};
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static bool
packet_receive(struct cable *c, frame_handler *handle, void *arg)
{
	struct packet *p = c->state;
	int n = recvmmsg(c->fd, p->in.msg, CABLE_BATCH, MSG_DONTWAIT, NULL);

	if (n < 0)
		return cable_would_block(errno);
	for (int i = 0; i < n; i++) {
		size_t len = p->in.msg[i].msg_len;

		/* A packet socket says that its peer is gone by an empty message. */
		if (!len)
			return false;
		if (len >= FRAME_MIN && !(p->in.msg[i].msg_hdr.msg_flags & MSG_TRUNC))
			handle(arg, p->in.iov[i].iov_base, len);
	}
	return true;
}

static bool
packet_flush(struct cable *c)
{
	struct packet *p = c->state;
	struct batch *b = &p->out;

	while (b->start < b->end) {
		int n = sendmmsg(c->fd, b->msg + b->start, b->end - b->start, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && cable_would_block(errno))
			return false;
		if (n < 0) { /* a frame the other end cannot take, or no end */
			c->gone |= p->local && (errno == ECONNREFUSED || errno == ECONNRESET);
			n = 1;
		}
		b->start += (unsigned)n;
	}
	b->start = b->end = 0;
	return true;
}

static void
packet_send(struct cable *c, const void *frame, size_t len)
{
	struct packet *p = c->state;
	struct batch *b = &p->out;

	if (b->end == CABLE_BATCH && !packet_flush(c)) {
		c->dropped++;
		return;
	}
	memcpy(b->iov[b->end].iov_base, frame, len);
	b->iov[b->end++].iov_len = len;
}

static void
packet_open(struct cable *c)
{
	struct packet *p = cable_allocate(sizeof(*p));
	socklen_t len = sizeof(int);
	int domain;

	p->local = !getsockopt(c->fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_UNIX;
	batch_init(&p->in, c->frame_max);
	batch_init(&p->out, c->frame_max);
	c->state = p;
}

static const struct cable_ops stream_ops = {stream_receive, stream_send, stream_flush};
static const struct cable_ops packet_ops = {packet_receive, packet_send, packet_flush};

const char *
cable_open(struct cable *c, int fd, size_t mtu)
{
	struct ifreq ifr = {0};
	socklen_t len = sizeof(int);
	int type;

	*c = (struct cable){.fd = fd, .frame_max = mtu + HEADER};
	if (!fd_set_nonblock(fd, true))
		return strerror(errno);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		return ioctl(fd, TUNGETIFF, &ifr) < 0 ? "neither a socket nor a tap" : cable_open_tap(c, &ifr);
	}
	if (type == SOCK_STREAM) {
		c->ops = &stream_ops;
		stream_open(c);
	} else {
		c->ops = &packet_ops;
		packet_open(c);
	}
	return NULL;
}

bool
cable_receive(struct cable *c, frame_handler *handle, void *arg)
{
	return c->ops->receive(c, handle, arg);
}

void
cable_send(struct cable *c, const void *frame, size_t len)
{
	if (len <= c->frame_max)
		c->ops->send(c, frame, len);
	else
		c->dropped++;
}

bool
cable_flush(struct cable *c)
{
	return c->ops->flush(c);
}
