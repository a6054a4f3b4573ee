/* SPDX-License-Identifier: ISC */
/* Packet sockets as cables: a frame a message, CABLE_BATCH messages a call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/address.h"
#include "common/cable_form.h"
#include "common/echo.h"
#include "common/frame.h"
#include "common/iov.h"

struct batch {
	struct mmsghdr msg[CABLE_BATCH];
	struct iovec iov[CABLE_BATCH];
	unsigned start, end; /* of those waiting to be sent */
};

struct packet {
	struct batch in, out;
	bool local;	     /* a Unix socket, whose refusal is for good; UDP's is not */
	union address group; /* that it sends to, and so hears itself from; else the family is AF_UNSPEC */
	struct echo echo;
	uint8_t slots[]; /* 2 * CABLE_BATCH of frame_max bytes, touched only as far as frames reach */
};

static void
batch_init(struct batch *b, uint8_t *slots, size_t frame_max, union address *group)
{
	for (size_t i = 0; i < CABLE_BATCH; i++) {
		b->iov[i] = (struct iovec){.iov_base = slots + i * frame_max, .iov_len = frame_max};
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
		if (group) {
			b->msg[i].msg_hdr.msg_name = group;
			b->msg[i].msg_hdr.msg_namelen = address_len(group);
		}
	}
}

static bool
packet_receive(struct cable *c, frame_handler *handle, void *arg)
{
	struct packet *p = c->state;
	int n = recvmmsg(c->fd, p->in.msg, CABLE_BATCH, MSG_DONTWAIT, NULL);

	/* Of UDP an error is the report that nobody listened a while ago. */
	if (n < 0)
		return !p->local || cable_would_block(errno);
	for (int i = 0; i < n; i++) {
		uint8_t *frame = p->in.iov[i].iov_base;
		size_t len = p->in.msg[i].msg_len;

		/* A seqpacket socket says that its peer is gone by an empty message. */
		if (!len && p->local)
			return false;
		if (len < FRAME_MIN || (p->in.msg[i].msg_hdr.msg_flags & MSG_TRUNC))
			continue;
		if (!p->group.sa.sa_family || !echo_heard(&p->echo, frame, len))
			handle(arg, frame, len);
	}
	return true;
}

static void
sent(struct packet *p, int n)
{
	struct batch *b = &p->out;

	for (int i = 0; i < n && p->group.sa.sa_family; i++)
		echo_sent(&p->echo, b->iov[b->start + (unsigned)i].iov_base, b->iov[b->start + (unsigned)i].iov_len);
	b->start += (unsigned)n;
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
			c->dropped++;
			b->start++;
		} else {
			sent(p, n);
		}
	}
	b->start = b->end = 0;
	return true;
}

static void
packet_send(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	struct packet *p = c->state;
	struct batch *b = &p->out;
	struct iovec *slot;

	(void)facts;

	if (b->end == CABLE_BATCH && (c->blocked || !cable_flush(c))) {
		c->dropped++;
		return;
	}
	slot = &b->iov[b->end++];
	slot->iov_len = iov_read(frame, 2, 0, slot->iov_base, c->frame_max);
}

static bool
packet_crowded(const struct cable *c)
{
	const struct packet *p = c->state;

	return p->out.end - p->out.start > CABLE_BATCH / 2;
}

static void
packet_close(struct cable *c)
{
	free(c->state);
}

static const struct cable_ops packet_ops = {packet_receive, packet_send, packet_flush, packet_close, packet_crowded, NULL};

const char *
cable_open_packet(struct cable *c)
{
	struct packet *p = calloc(1, sizeof(*p) + 2 * CABLE_BATCH * c->frame_max);
	union address group = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(group);

	if (!p)
		return "out of memory";
	if (getsockname(c->fd, &group.sa, &len) < 0) {
		free(p);
		return strerror(errno);
	}
	p->local = group.sa.sa_family == AF_UNIX;
	if (address_is_multicast(&group))
		p->group = group;
	batch_init(&p->in, p->slots, c->frame_max, NULL);
	batch_init(&p->out, p->slots + CABLE_BATCH * c->frame_max, c->frame_max, p->group.sa.sa_family ? &p->group : NULL);
	c->state = p;
	c->ops = &packet_ops;
	return NULL;
}
