/* SPDX-License-Identifier: ISC */
/*
 * Packets off the e1000's transmit ring (3.3, 3.4). The descriptors of a packet bring its bytes together, which is then cut
 * into frames, if the driver wants that, and put where the wire's backend finds them. The contracts are in net.h.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "common/bytes.h"
#include "kvm-run/e1000_dev.h"
#include "kvm-run/vm.h"

#define DESCRIPTORS 256 /* looked at before others have their turn */
#define LONGEST 16384	/* of frames that are not cut */
#define SHORTEST 60

/* Command of descriptors, in bits 24 to 31 of their third dword: 3.3.3 */
#define CMD_EOP (1U << 24)
#define CMD_IC (1U << 26) /* of legacy ones: checksum */
#define CMD_TSE (1U << 26)
#define CMD_RS (1U << 27)
#define CMD_DEXT (1U << 29)
#define CMD_VLE (1U << 30)
#define TYPE(v) ((v) >> 20 & 15)
#define TYPE_CONTEXT 0
#define TYPE_DATA 1
#define CONTEXT_TCP (1U << 24)
#define CONTEXT_IP4 (1U << 25)
#define LENGTH_BITS 0xfffffU
#define POPTS_IXSM 0x100U
#define POPTS_TXSM 0x200U
#define STATUS_DD 1
#define STATUS_AT 12

void
e1000_tx_begin(struct e1000_tx *t)
{
	t->len = t->cut = 0;
	t->segments = 0;
	t->too_long = t->started = t->cutting = false;
	t->segment = t->sum_ip = t->sum_tcp = t->tag = false;
	t->legacy_offset = 0;
}

static void
take_context(struct e1000_tx *t, const uint8_t *desc)
{
	uint32_t cmd = get_le32(desc + 8);
	struct e1000_context c = {
		.ip_start = desc[0],
		.ip_offset = desc[1],
		.ip_end = get_le16(desc + 2),
		.tcp_start = desc[4],
		.tcp_offset = desc[5],
		.tcp_end = get_le16(desc + 6),
		.payload = cmd & LENGTH_BITS,
		.header = desc[13],
		.mss = get_le16(desc + 14),
		.tcp = cmd & CONTEXT_TCP,
		.ipv4 = cmd & CONTEXT_IP4,
	};

	t->context[!!(cmd & CMD_TSE)] = c;
}

/* What holds for the whole packet is in its first descriptor. */
static void
take_options(struct e1000_tx *t, const uint8_t *desc, uint32_t cmd)
{
	uint32_t options = get_le32(desc + 12);

	if (cmd & CMD_DEXT) {
		t->segment = cmd & CMD_TSE;
		t->sum_ip = options & POPTS_IXSM;
		t->sum_tcp = options & POPTS_TXSM;
	} else if (cmd & CMD_IC) {
		t->legacy_offset = desc[10];
		t->legacy_start = desc[13];
	}
	t->started = true;
}

static void
take_bytes(struct e1000 *e, const uint8_t *desc, size_t len)
{
	struct e1000_tx *t = &e->tx;
	const uint8_t *from = guest_ptr(&e->vm->mem, get_le64(desc), len);

	if (!from || len > sizeof(t->data) - t->len) {
		t->too_long = true;
		return;
	}
	memcpy(t->data + t->len, from, len);
	t->len += len;
}

/* The tag stands in the last descriptor, and goes between addresses and type. */
static void
take_tag(struct e1000 *e, const uint8_t *desc, uint32_t cmd)
{
	e->tx.tag = cmd & CMD_VLE && *e1000_reg(e, R_CTRL) & CTRL_VME;
	e->tx.vlan = get_le16(desc + 14);
}

/* Can it be sent as it is? */
static bool
is_sound(const struct e1000_tx *t)
{
	const struct e1000_context *c = &t->context[1];

	if (t->too_long || t->len < FRAME_MIN)
		return false;
	if (!t->segment)
		return t->len <= LONGEST;
	return c->mss && c->header >= FRAME_MIN && c->header < t->len && c->header + c->mss <= LONGEST;
}

/* A data descriptor; false when its packet is whole and useless. */
static bool
take_data(struct e1000 *e, const uint8_t *desc, uint32_t cmd)
{
	struct e1000_tx *t = &e->tx;

	if (!t->started)
		take_options(t, desc, cmd);
	take_bytes(e, desc, cmd & CMD_DEXT ? cmd & LENGTH_BITS : cmd & 0xffff);
	if (!(cmd & CMD_EOP))
		return true;
	take_tag(e, desc, cmd);
	t->cutting = is_sound(t);
	if (t->cutting)
		return true;
	e1000_tx_begin(t);
	return false;
}

/* Gives the hold one frame: the virtio header, if the wire has it, then `len` bytes that stand at `frame`, tagged. */
static void
give(struct net_pair *p, uint8_t *start, uint8_t *frame, size_t len)
{
	struct e1000 *e = e1000_of(p);
	struct e1000_tx *t = &e->tx;
	uint32_t tctl = *e1000_reg(e, R_TCTL);

	if (t->tag) {
		memmove(frame + 12 + E1000_TAG, frame + 12, len - 12);
		put_be16(frame + 12, (uint16_t)*e1000_reg(e, R_VET));
		put_be16(frame + 14, t->vlan);
		len += E1000_TAG;
	}
	if (len < SHORTEST && tctl & TCTL_PSP) {
		memset(frame + len, 0, SHORTEST - len);
		len = SHORTEST;
	}
	net_hold_put(&p->tx, start, (size_t)(frame + len - start));
	t->out_len = (size_t)(frame + len - t->out);
	pthread_mutex_lock(&e->lock);
	e1000_count(e, R_GPTC, 1);
	e1000_count(e, R_TPT, 1);
	e1000_count64(e, R_GOTCL, len + 4);
	pthread_mutex_unlock(&e->lock);
}

/* The next frame of the packet that is being cut. */
static void
next_frame(struct net_pair *p)
{
	struct e1000_tx *t = &e1000_of(p)->tx;
	const struct e1000_context *c = &t->context[1];
	size_t head = t->segment ? c->header : 0, left = t->len - head - t->cut;
	size_t n = t->segment ? min_u64(left, c->mss) : left;
	uint8_t *start = t->out + t->out_len, *frame = start + (p->dev->vnet_hdr ? NET_HDR : 0);

	memset(start, 0, (size_t)(frame - start));
	memcpy(frame, t->data, head);
	memcpy(frame + head, t->data + head + t->cut, n);
	e1000_finish_frame(t, frame, head + n, t->cut, t->segments, n == left);
	give(p, start, frame, head + n);
	t->cut += n;
	t->segments++;
	if (n == left)
		e1000_tx_begin(t);
}

static bool
has_room(const struct net_pair *p, const struct e1000_tx *t)
{
	return p->tx.n < NET_BATCH && sizeof(t->out) - t->out_len >= NET_HDR + LONGEST + E1000_TAG;
}

/* One descriptor; what it causes. */
static uint32_t
take_descriptor(struct net_pair *p, uint8_t *at)
{
	struct e1000 *e = e1000_of(p);
	uint8_t desc[E1000_DESC];
	uint32_t cmd;

	memcpy(desc, at, sizeof(desc));
	cmd = get_le32(desc + 8);
	if (cmd & CMD_DEXT && TYPE(cmd) == TYPE_CONTEXT)
		take_context(&e->tx, desc);
	else if (!(cmd & CMD_DEXT) || TYPE(cmd) == TYPE_DATA)
		net_count(&p->dev->count.tx_drops, !take_data(e, desc, cmd));
	if (!(cmd & CMD_RS))
		return 0;
	__atomic_store_n(at + STATUS_AT, (uint8_t)(desc[STATUS_AT] | STATUS_DD), __ATOMIC_RELEASE);
	return ICR_TXDW;
}

/* The ring while sending is enabled; else none. */
static struct e1000_ring
ring(struct e1000 *e)
{
	struct e1000_ring r;

	pthread_mutex_lock(&e->lock);
	r = e1000_ring(e, R_TDBAL);
	if (!(*e1000_reg(e, R_TCTL) & TCTL_EN))
		r.entries = 0;
	pthread_mutex_unlock(&e->lock);
	return r;
}

bool
e1000_tx_fetch(struct net_pair *p)
{
	struct e1000 *e = e1000_of(p);
	struct e1000_tx *t = &e->tx;
	struct e1000_ring r;
	uint32_t causes = 0, head;

	if (p->tx.n) /* their bytes are still needed */
		return true;
	t->out_len = 0;
	r = ring(e);
	head = r.head;
	for (unsigned n = 0; r.entries && n < DESCRIPTORS && has_room(p, t);) {
		uint8_t *at = guest_ptr(&e->vm->mem, r.base + (uint64_t)head * E1000_DESC, E1000_DESC);

		if (t->cutting) {
			next_frame(p);
			continue;
		}
		if (head == r.tail || !at)
			break;
		causes |= take_descriptor(p, at);
		head = (head + 1) % r.entries;
		n++;
	}
	if (head == r.head)
		return true;
	pthread_mutex_lock(&e->lock);
	e1000_advance(e, R_TDBAL, r.head, head);
	e1000_raise(e, causes | (head == r.tail ? ICR_TXQE : 0), false);
	pthread_mutex_unlock(&e->lock);
	return true;
}

/* Nothing to send was found, which may be because there was too much else: then others have their turn first. */
bool
e1000_tx_idle(struct net_pair *p)
{
	struct e1000 *e = e1000_of(p);
	struct e1000_ring r = ring(e);

	if (r.entries && r.head != r.tail && guest_ptr(&e->vm->mem, r.base + (uint64_t)r.head * E1000_DESC, E1000_DESC))
		e1000_tx_again(p);
	return false;
}

void
e1000_tx_again(struct net_pair *p)
{
	eventfd_write(e1000_of(p)->kick_fd, 1);
}
