/* SPDX-License-Identifier: ISC */
/* Ends of cables, and those that are streams; the contracts are in cable.h. */
#include <endian.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/cable_form.h"
#include "common/fd.h"
#include "common/frame.h"

#define BUFFER (128 * 1024) /* of a stream, each way: more than a TCP window, less than the second-level cache */
#define LARGE_BUFFER (4 << 20) /* the same where frames are large: the windows of some 64 connections */

bool
cable_would_block(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR || err == ENOBUFS;
}

/* One read or write carries as many frames as fit. */
struct stream {
	struct frame_reader in;
	struct frame_writer out;
	bool due, told; /* a note of ours: to be sent; out, so that what we send is behind headers */
	uint8_t *large_buf; /* in place of out_buf, or NULL */
	uint8_t in_buf[BUFFER], out_buf[BUFFER]; /* touched only as far as they fill */
};

/* Says what we take, and that headers follow. */
static bool
tell(struct stream *s)
{
	uint32_t note = htobe32(OFFLOAD_ALL);

	if (s->due && frame_put(&s->out, &note, sizeof(note))) {
		s->due = false;
		s->told = true;
	}
	return !s->due;
}

static void
note_came(struct cable *c, const uint8_t *note)
{
	struct stream *s = c->state;
	uint32_t takes;

	memcpy(&takes, note, sizeof(takes));
	c->takes = be32toh(takes) & OFFLOAD_ALL;
	s->due = !s->told;
}

static void
frame_came(struct cable *c, uint8_t *frame, size_t len, frame_handler *handle, void *arg)
{
	const struct stream *s = c->state;

	if (s->in.headed) {
		memcpy(&c->facts, frame, OFFLOAD_HEADER);
		frame += OFFLOAD_HEADER;
		len -= OFFLOAD_HEADER;
		if (!offload_fits(&c->facts, len, OFFLOAD_ALL))
			return;
	}
	if (len <= c->frame_max || c->facts.gso_type)
		handle(arg, frame, len);
}

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
		if (got == FRAME_IS_NOTE)
			note_came(c, frame);
		else
			frame_came(c, s->in_buf + (frame - s->in_buf), len, handle, arg);
	c->broken = got < 0;
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
stream_send(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	struct stream *s = c->state;
	struct iovec all[3] = {{(void *)(uintptr_t)facts, 0}, frame[0], frame[1]};

	/* While it is known to be full a system call for each frame would tell the same. */
	for (int tries = c->blocked ? 1 : 2; tries--; cable_flush(c)) {
		if (!tell(s))
			continue;
		all[0].iov_len = s->told ? OFFLOAD_HEADER : 0;
		if (frame_putv(&s->out, all, 3))
			return;
	}
	c->dropped++;
}

static void
stream_close(struct cable *c)
{
	struct stream *s = c->state;

	free(s->large_buf);
	free(s);
}

static bool
stream_crowded(const struct cable *c)
{
	const struct stream *s = c->state;

	return s->out.end - s->out.start > s->out.cap / 2;
}

static const char *
stream_offload(struct cable *c, bool accept)
{
	struct stream *s = c->state;

	s->large_buf = calloc(1, LARGE_BUFFER);
	if (!s->large_buf)
		return "out of memory";
	s->out.buf = s->large_buf;
	s->out.cap = LARGE_BUFFER;
	s->in.notes = true;
	if (accept) {
		s->due = true;
		tell(s);
		c->takes = OFFLOAD_ALL; /* as whoever offers does */
	}
	return NULL;
}

static const struct cable_ops stream_ops = {stream_receive, stream_send, stream_flush, stream_close, stream_crowded, stream_offload};

static const char *
stream_open(struct cable *c)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return "out of memory";
	s->in = (struct frame_reader){.buf = s->in_buf, .cap = BUFFER};
	s->out = (struct frame_writer){.buf = s->out_buf, .cap = BUFFER};
	c->state = s;
	c->ops = &stream_ops;
	return NULL;
}

const char *
cable_open(struct cable *c, int fd, size_t mtu)
{
	struct ifreq ifr = {0};
	socklen_t len = sizeof(int);
	int type;

	*c = (struct cable){.fd = fd, .frame_max = mtu + CABLE_HEADER};
	if (!fd_set_nonblock(fd, true))
		return strerror(errno);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return ioctl(fd, TUNGETIFF, &ifr) < 0 ? "neither a socket nor a tap" : cable_open_tap(c, &ifr);
	return type == SOCK_STREAM ? stream_open(c) : cable_open_packet(c);
}

void
cable_close(struct cable *c)
{
	c->ops->close(c);
}

bool
cable_receive(struct cable *c, frame_handler *handle, void *arg)
{
	return c->ops->receive(c, handle, arg);
}

const char *
cable_offload(struct cable *c, bool accept)
{
	return c->ops->offload ? c->ops->offload(c, accept) : NULL;
}

void
cable_send_facts(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	size_t len = frame[0].iov_len + frame[1].iov_len;

	if (len <= (facts->gso_type ? FRAME_MAX : c->frame_max))
		c->ops->send(c, facts, frame);
	else
		c->dropped++;
}

void
cable_send(struct cable *c, const void *frame, size_t len)
{
	static const struct offload none;

	cable_send_facts(c, &none, (const struct iovec[2]){{(void *)(uintptr_t)frame, len}});
}

bool
cable_crowded(const struct cable *c)
{
	return c->ops->crowded(c);
}

bool
cable_flush(struct cable *c)
{
	c->blocked = !c->ops->flush(c);
	return !c->blocked;
}
