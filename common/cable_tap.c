/* SPDX-License-Identifier: ISC */
/*
 * A tap as cable: a frame a call, there is no other way. But one that carries virtio's header takes many segments of a
 * TCP connection as one (virtio 1.2, 5.1.6.2): the kernel's stack behind it then works once for all of them.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/cable_form.h"
#include "common/segment.h"

#define VNET_HEADER_MAX 12 /* with the count of buffers, which a tap ignores */

struct tap {
	size_t header; /* 0: frames only */
	bool large;    /* those of the other end come with facts */
	uint8_t in[VNET_HEADER_MAX + FRAME_MAX];
	struct segment first; /* of the run of segments in out */
	size_t out_len;	      /* 0: there is none */
	size_t count;
	uint8_t out[FRAME_MAX];
};

static bool
tap_receive(struct cable *c, frame_handler *handle, void *arg)
{
	struct tap *t = c->state;

	for (int i = 0; i < CABLE_BATCH; i++) {
		ssize_t n = read(c->fd, t->in, sizeof(t->in));

		if (n < 0)
			return cable_would_block(errno);
		if ((size_t)n < t->header + FRAME_MIN)
			continue;
		memcpy(&c->facts, t->in, t->large ? t->header : 0);
		if (offload_fits(&c->facts, (size_t)n - t->header, OFFLOAD_ALL))
			handle(arg, t->in + t->header, (size_t)n - t->header);
	}
	return true;
}

/* That the interface is down, or its queue full, is no news: frames get lost on cables. */
static void
write_frame(struct cable *c, const struct offload *h, const struct iovec frame[2])
{
	const struct tap *t = c->state;
	struct iovec iov[3] = {{(void *)(uintptr_t)h, t->header}, frame[0], frame[1]};

	if (writev(c->fd, iov, 3) < 0)
		c->dropped++;
}

static bool
tap_flush(struct cable *c)
{
	struct tap *t = c->state;
	struct offload h = {0};

	if (t->count > 1)
		offload_large(&h, t->out, &t->first, t->out_len - t->first.data, t->first.len);
	if (t->out_len)
		write_frame(c, &h, (const struct iovec[2]){{t->out, t->out_len}});
	t->out_len = t->count = 0;
	return true;
}

/* It is what the kernel would make of the run's end: the next bytes under the same header, and no larger. */
static bool
continues(const struct tap *t, const struct segment *s, const uint8_t *frame)
{
	const struct segment *first = &t->first;
	size_t done = t->out_len - first->data;

	return t->count && s->seq == first->seq + (uint32_t)done && s->ack == first->ack && s->len <= first->len &&
	       done % first->len == 0 && t->out_len + s->len <= FRAME_MAX - 15 &&
	       segment_same_flow(first, t->out, s, frame) &&
	       !memcmp(t->out + first->tcp + 14, frame + s->tcp + 14, 2); /* the window */
}

static void
tap_send(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	struct tap *t = c->state;
	const uint8_t *f = frame->iov_base;
	size_t len = frame->iov_len;
	struct segment s;
	bool plain = t->header && !facts->flags && !frame[1].iov_len && segment_parse(&s, f, len) && s.len &&
		     s.data == s.tcp + 20 && (s.flags | SEGMENT_PSH) == (SEGMENT_ACK | SEGMENT_PSH);

	if (plain && continues(t, &s, f)) {
		memcpy(t->out + t->out_len, f + s.data, s.len);
		t->out_len += s.len;
		t->out[t->first.tcp + 13] |= s.flags;
		t->count++;
	} else {
		tap_flush(c);
		if (!plain || len > FRAME_MAX) {
			write_frame(c, facts, frame);
			return;
		}
		memcpy(t->out, f, s.data + s.len);
		t->out_len = s.data + s.len;
		t->first = s;
		t->count = 1;
	}
	if (s.flags & SEGMENT_PSH)
		tap_flush(c);
}

static bool
tap_crowded(const struct cable *c)
{
	(void)c; /* nothing waits here */
	return false;
}

static void
tap_close(struct cable *c)
{
	free(c->state);
}

/* From now on the stack behind it may leave to us what it would do for a device: checksums, and cutting segments. */
static const char *
tap_offload(struct cable *c, bool accept)
{
	struct tap *t = c->state;

	(void)accept;
	if (!t->header)
		return NULL;
	if (ioctl(c->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
		return strerror(errno);
	t->large = true;
	c->takes = OFFLOAD_ALL;
	return NULL;
}

static const struct cable_ops tap_ops = {tap_receive, tap_send, tap_flush, tap_close, tap_crowded, tap_offload};

const char *
cable_open_tap(struct cable *c, const struct ifreq *ifr)
{
	struct tap *t;
	int header = 0, little = 1;

	if ((ifr->ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI))
		return "a tun or a tap with packet information, not a plain tap";
	if (ifr->ifr_flags & IFF_VNET_HDR) {
		if (ioctl(c->fd, TUNGETVNETHDRSZ, &header) < 0 || header < 0 || header > VNET_HEADER_MAX)
			return "its virtio header has a size nobody knows";
		if (ioctl(c->fd, TUNSETVNETLE, &little) < 0)
			return strerror(errno);
		/* Towards us nothing half-made, unless cable_offload says that we know what to do with it. */
		if (ioctl(c->fd, TUNSETOFFLOAD, 0) < 0)
			return "its offloads cannot be turned off";
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return "out of memory";
	t->header = (size_t)header;
	c->state = t;
	c->ops = &tap_ops;
	return NULL;
}
