/* SPDX-License-Identifier: ISC */
/* Ends of cables, and those that are streams; the contracts are in cable.h. */
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

bool
cable_would_block(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR || err == ENOBUFS;
}

/* One read or write carries as many frames as fit. */
struct stream {
	struct frame_reader in;
	struct frame_writer out;
	uint8_t in_buf[BUFFER], out_buf[BUFFER]; /* touched only as far as they fill */
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
stream_send(struct cable *c, const void *frame, size_t len)
{
	struct stream *s = c->state;

	if (frame_put(&s->out, frame, len))
		return;
	/* While it is known to be full a system call for each frame would tell the same. */
	if (!c->blocked)
		cable_flush(c);
	if (!frame_put(&s->out, frame, len))
		c->dropped++;
}

static void
stream_close(struct cable *c)
{
	free(c->state);
}

static const struct cable_ops stream_ops = {stream_receive, stream_send, stream_flush, stream_close};

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
	c->blocked = !c->ops->flush(c);
	return !c->blocked;
}
