/* SPDX-License-Identifier: ISC */
/* Frames from the wire into the e1000's receive ring (3.2), through its filters (3.2.1); the contracts are in net.h. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/e1000_dev.h"
#include "kvm-run/vm.h"

/* Status of a descriptor, 3.2.3.1 */
#define RXD_DD 0x01
#define RXD_EOP 0x02
#define RXD_IXSM 0x04 /* nothing was checked: the wire is not one that spoils frames */
#define RXD_VP 0x08

#define FCS 4 /* bytes of check sequence, which drivers cut off again */
#define SHORTEST 60
#define LONGEST 1518 /* without the check sequence, with a tag; longer ones by RCTL.LPE alone */
#define LONGEST_JUMBO 16380
#define ADDRESSES 16
#define MULTICAST 1 /* bit of the first byte */

/* What receiving needs of the registers: they may change while it goes on. */
struct settings {
	struct e1000_ring ring;
	uint32_t rctl, ctrl;
	size_t buffer; /* bytes of each */
};

static size_t
buffer_size(uint32_t rctl)
{
	unsigned size = rctl >> 16 & 3;

	return rctl & 1U << 25 && size ? 32768U >> size : 2048U >> size; /* BSEX: 16 times as much */
}

static struct settings
settings(struct e1000 *e)
{
	struct settings s;

	pthread_mutex_lock(&e->lock);
	s.ring = e1000_ring(e, R_RDBAL);
	s.rctl = *e1000_reg(e, R_RCTL);
	s.ctrl = *e1000_reg(e, R_CTRL);
	pthread_mutex_unlock(&e->lock);
	s.buffer = buffer_size(s.rctl);
	return s;
}

/* Descriptors that the driver has given and that were not used. */
static uint32_t
available(const struct e1000_ring *r)
{
	return r->entries ? (r->tail + r->entries - r->head) % r->entries : 0;
}

/* Descriptors for the longest frame, but not more than half of the ring: with the rest the driver must not wait for us. */
static uint32_t
enough(const struct settings *s)
{
	size_t longest = (s->rctl & RCTL_LPE ? LONGEST_JUMBO : LONGEST) + FCS;
	uint32_t n = (uint32_t)((longest + s->buffer - 1) / s->buffer), half = s->ring.entries / 2;

	return n > half ? half : n;
}

bool
e1000_rx_ready(struct net_pair *p)
{
	struct settings s;

	if (p->rx_paused)
		return false;
	s = settings(e1000_of(p));
	if (!p->dev->up || !(s.rctl & RCTL_EN)) /* what comes is lost: no room is needed */
		return true;
	if (s.ring.entries && available(&s.ring) >= enough(&s))
		return true;
	p->rx_paused = true;
	net_watch(p);
	return false;
}

/* A frame is looked at before it goes anywhere, so it is read into the bounce buffer. */
unsigned
e1000_rx_room(struct net_pair *p, struct iovec *iov, unsigned max)
{
	(void)max;
	iov[0] = (struct iovec){p->dev->bounce, sizeof(p->dev->bounce)};
	return 1;
}

void
e1000_rx_done(struct net_pair *p, size_t len)
{
	size_t head = p->dev->vnet_hdr ? NET_HDR : 0;

	if (len >= head + FRAME_MIN)
		e1000_rx_put(p, NULL, p->dev->bounce + head, len - head);
	else
		net_count(&p->dev->count.rx_drops, 1);
}

/* Does one of the receive addresses match? Lock held. */
static bool
is_ours(struct e1000 *e, const uint8_t *to)
{
	for (unsigned i = 0; i < ADDRESSES; i++) {
		uint32_t low = *e1000_reg(e, R_RAL + 8 * i), high = *e1000_reg(e, R_RAH + 8 * i);

		if (high & RAH_VALID && get_le32(to) == low && get_le16(to + 4) == (uint16_t)high)
			return true;
	}
	return false;
}

/* The multicast table: 4096 bits, by 12 of the address's, which ones RCTL.MO says. */
static bool
in_table(struct e1000 *e, uint32_t rctl, const uint8_t *to)
{
	static const uint8_t shifts[4] = {4, 3, 2, 0};
	unsigned hash = get_le16(to + 4) >> shifts[rctl >> 12 & 3] & 0xfff;

	return *e1000_reg(e, R_MTA + 4 * (hash >> 5)) >> (hash & 31) & 1;
}

static bool
is_tagged(struct e1000 *e, const uint8_t *frame, size_t len)
{
	return len >= 2 * 6 + E1000_TAG && get_be16(frame + 12) == (uint16_t)*e1000_reg(e, R_VET);
}

/* Whether the frame comes through the filters, and the statistics of those that do. Lock held. */
static bool
passes(struct e1000 *e, const struct settings *s, const uint8_t *frame, size_t len)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool broadcast = !memcmp(frame, everybody, 6), multicast = !broadcast && frame[0] & MULTICAST, wanted;
	unsigned vlan;

	if (broadcast)
		wanted = s->rctl & (RCTL_BAM | RCTL_UPE) || is_ours(e, frame);
	else if (multicast)
		wanted = s->rctl & RCTL_MPE || in_table(e, s->rctl, frame) || is_ours(e, frame);
	else
		wanted = s->rctl & RCTL_UPE || is_ours(e, frame);
	if (wanted && s->rctl & RCTL_VFE && is_tagged(e, frame, len)) {
		vlan = get_be16(frame + 14) & 0xfff;
		wanted = *e1000_reg(e, R_VFTA + 4 * (vlan >> 5)) >> (vlan & 31) & 1;
	}
	if (!wanted)
		return false;
	e1000_count(e, R_GPRC, 1);
	e1000_count(e, R_TPR, 1);
	e1000_count64(e, R_GORCL, len + FCS);
	if (broadcast || multicast)
		e1000_count(e, broadcast ? R_BPRC : R_MPRC, 1);
	return true;
}

/* A frame in up to three pieces: around its tag, which goes into the descriptor when the driver wants that, and what it is
 * filled up with. */
struct pieces {
	struct iovec iov[3];
	size_t len;
	uint16_t tag;
	bool stripped;
};

static struct pieces
cut(struct e1000 *e, const struct settings *s, const uint8_t *frame, size_t len)
{
	static const uint8_t zeroes[SHORTEST + FCS];
	struct pieces c = {.stripped = s->ctrl & CTRL_VME && is_tagged(e, frame, len)};
	size_t skip = c.stripped ? E1000_TAG : 0, fill;

	if (c.stripped)
		c.tag = get_be16(frame + 14);
	fill = len - skip < SHORTEST ? SHORTEST - (len - skip) : 0;
	fill += s->rctl & RCTL_SECRC ? 0 : FCS;
	c.iov[0] = (struct iovec){(void *)(uintptr_t)frame, 12};
	c.iov[1] = (struct iovec){(void *)(uintptr_t)(frame + 12 + skip), len - 12 - skip};
	c.iov[2] = (struct iovec){(void *)(uintptr_t)zeroes, fill};
	c.len = len - skip + fill;
	return c;
}

/* Fills one descriptor with the bytes from `off` on, and gives it back. */
static void
fill(struct e1000 *e, const struct settings *s, uint32_t i, const struct pieces *c, size_t off)
{
	const struct guest_mem *mem = &e->vm->mem;
	uint8_t *desc = guest_ptr(mem, s->ring.base + (uint64_t)i * E1000_DESC, E1000_DESC), *to, rest[8] = {0};
	size_t n = min_u64(c->len - off, s->buffer);
	bool last = off + n == c->len;

	if (!desc)
		return;
	to = guest_ptr(mem, get_le64(desc), n);
	if (to)
		iov_read(c->iov, 3, off, to, n);
	put_le16(rest, (uint16_t)n);
	put_le16(rest + 6, c->tag);
	memcpy(desc + 8, rest, 4);
	memcpy(desc + 13, rest + 5, 3);
	/* The status last: with it the driver looks at the others. */
	__atomic_store_n(desc + 12, RXD_DD | RXD_IXSM | (last ? RXD_EOP : 0) | (c->stripped ? RXD_VP : 0), __ATOMIC_RELEASE);
}

static void
lose(struct e1000 *e, struct net_pair *p, bool no_room)
{
	net_count(&p->dev->count.rx_drops, 1);
	if (!no_room)
		return;
	pthread_mutex_lock(&e->lock);
	e1000_count(e, R_MPC, 1);
	pthread_mutex_unlock(&e->lock);
	e->rx_causes |= ICR_RXO;
}

void
e1000_rx_put(struct net_pair *p, const struct offload *facts, const void *frame, size_t len)
{
	struct e1000 *e = e1000_of(p);
	struct settings s = settings(e);
	uint32_t left = available(&s.ring), at = s.ring.head, n;
	const struct iovec whole = {(void *)(uintptr_t)frame, len};
	struct pieces c;
	bool wanted;

	(void)facts; /* its wires have none */
	if (!p->dev->up || !(s.rctl & RCTL_EN) || len < FRAME_MIN || len > (s.rctl & RCTL_LPE ? LONGEST_JUMBO : LONGEST)) {
		lose(e, p, false);
		return;
	}
	pthread_mutex_lock(&e->lock);
	wanted = passes(e, &s, frame, len);
	c = cut(e, &s, frame, len);
	pthread_mutex_unlock(&e->lock);
	if (!wanted)
		return;
	n = (uint32_t)((c.len + s.buffer - 1) / s.buffer);
	if (n > left) {
		lose(e, p, true);
		return;
	}
	for (uint32_t i = 0; i < n; i++, at = (at + 1) % s.ring.entries)
		fill(e, &s, at, &c, i * s.buffer);
	if (p->dev->captures)
		net_capture_frame(p->dev->captures, &whole, 1, 0, len);
	net_count(&p->dev->count.rx_frames, 1);
	net_count(&p->dev->count.rx_bytes, len);
	pthread_mutex_lock(&e->lock);
	e1000_advance(e, R_RDBAL, s.ring.head, at);
	pthread_mutex_unlock(&e->lock);
	e->rx_causes |= ICR_RXT0;
	if (left - n <= s.ring.entries >> ((s.rctl >> 8 & 3) + 1))
		e->rx_causes |= ICR_RXDMT0;
}

void
e1000_rx_end(struct net_pair *p)
{
	struct e1000 *e = e1000_of(p);

	if (!e->rx_causes)
		return;
	pthread_mutex_lock(&e->lock);
	e1000_raise(e, e->rx_causes, false);
	pthread_mutex_unlock(&e->lock);
	e->rx_causes = 0;
}
