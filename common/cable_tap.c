/* SPDX-License-Identifier: ISC */
/*
 * A tap as cable: a frame a call, there is no other way. But one that carries virtio's header takes many segments of a
 * TCP connection as one (virtio 1.2, 5.1.6.2): the kernel's stack behind it then works once for all of them.
 */
#include <endian.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
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
		if ((size_t)n >= t->header + FRAME_MIN)
			handle(arg, t->in + t->header, (size_t)n - t->header);
	}
	return true;
}

/* That the interface is down, or its queue full, is no news: frames get lost on cables. */
static void
write_frame(struct cable *c, struct virtio_net_hdr_v1 *h, const void *frame, size_t len)
{
	const struct tap *t = c->state;
	struct iovec iov[2] = {
	    {.iov_base = h, .iov_len = t->header},
	    {.iov_base = (void *)(uintptr_t)frame, .iov_len = len},
	};

	if (writev(c->fd, iov, 2) < 0)
		c->dropped++;
}

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* One header for the whole run: its length, and a checksum of which the kernel makes each segment's. */
static void
finish_headers(uint8_t *f, const struct segment *s, size_t len)
{
	uint8_t *ip = f + s->ip;
	size_t tcp_len = len - s->tcp, addresses = s->ip + (s->v6 ? 8 : 12);
	uint16_t sum;

	if (s->v6) {
		put16(ip + 4, tcp_len);
	} else {
		put16(ip + 2, len - s->ip);
		put16(ip + 10, 0);
		sum = (uint16_t)~segment_fold(segment_sum(ip, s->tcp - s->ip, 0));
		memcpy(ip + 10, &sum, 2);
	}
	/* The pseudo header's sum, not complemented: addresses, protocol 6 and length. */
	sum = segment_fold(segment_sum(f + addresses, s->tcp - addresses, htobe16((uint16_t)tcp_len) + htobe16(6)));
	memcpy(f + s->tcp + 16, &sum, 2);
}

static bool
tap_flush(struct cable *c)
{
	struct tap *t = c->state;
	struct virtio_net_hdr_v1 h = {0};

	if (t->count > 1) {
		finish_headers(t->out, &t->first, t->out_len);
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.gso_type = t->first.v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		h.hdr_len = (uint16_t)t->first.data;
		h.gso_size = (uint16_t)t->first.len;
		h.csum_start = (uint16_t)t->first.tcp;
		h.csum_offset = 16;
	}
	if (t->out_len)
		write_frame(c, &h, t->out, t->out_len);
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
tap_send(struct cable *c, const void *frame, size_t len)
{
	struct tap *t = c->state;
	struct virtio_net_hdr_v1 none = {0};
	const uint8_t *f = frame;
	struct segment s;
	bool plain = t->header && segment_parse(&s, f, len) && s.len && s.data == s.tcp + 20 &&
		     (s.flags | SEGMENT_PSH) == (SEGMENT_ACK | SEGMENT_PSH);

	if (plain && continues(t, &s, f)) {
		memcpy(t->out + t->out_len, f + s.data, s.len);
		t->out_len += s.len;
		t->out[t->first.tcp + 13] |= s.flags;
		t->count++;
	} else {
		tap_flush(c);
		if (!plain || len > FRAME_MAX) {
			write_frame(c, &none, frame, len);
			return;
		}
		memcpy(t->out, frame, s.data + s.len);
		t->out_len = s.data + s.len;
		t->first = s;
		t->count = 1;
	}
	if (s.flags & SEGMENT_PSH)
		tap_flush(c);
}

static void
tap_close(struct cable *c)
{
	free(c->state);
}

static const struct cable_ops tap_ops = {tap_receive, tap_send, tap_flush, tap_close};

const char *
cable_open_tap(struct cable *c, const struct ifreq *ifr)
{
	struct tap *t;
	int header = 0;

	if ((ifr->ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI))
		return "a tun or a tap with packet information, not a plain tap";
	if (ifr->ifr_flags & IFF_VNET_HDR) {
		if (ioctl(c->fd, TUNGETVNETHDRSZ, &header) < 0 || header < 0 || header > VNET_HEADER_MAX)
			return "its virtio header has a size nobody knows";
		/* Towards us nothing half-made: nobody behind us knows offloads. */
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
