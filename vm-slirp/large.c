/* SPDX-License-Identifier: ISC */
/* Large frames between libslirp and the guest; the contracts are in large.h. */
#include <string.h>

#include "common/bytes.h"
#include "vm-slirp/large.h"

#define ETH_LEN 14
#define IP4_LEN 20
#define MORE_FRAGMENTS 0x2000U /* RFC 791, 3.1 */
#define DO_NOT_FRAGMENT 0x4000U
#define IP6_LEN 40
#define FRAGMENT_LEN 8
#define FRAGMENT 44 /* protocols */
#define UDP 17
#define ICMPV6 58

static void
send_parts(struct large *l, const struct offload *facts, uint8_t *head, size_t head_len, const uint8_t *data,
    size_t len)
{
	const struct iovec parts[2] = {{head, head_len}, {(void *)(uintptr_t)data, len}};

	cable_send_facts(l->cable, facts, parts);
}

/* Cuts a segment as its receiver would have it cut: only the first says CWR (RFC 3168, 6.1.2), only the last FIN and PSH. */
static void
cut(struct large *l, uint8_t *head, const struct segment *s, const uint8_t *data, size_t mss)
{
	static const struct offload none;
	uint16_t id = get_be16(head + s->ip + 4), sum;
	uint8_t *tcp = head + s->tcp;

	for (size_t at = 0, part; at < s->len; at += part) {
		uint64_t pseudo;

		part = s->len - at < mss ? s->len - at : mss;
		if (!s->v6)
			put_be16(head + s->ip + 4, id++);
		put_be32(tcp + 4, s->seq + (uint32_t)at);
		tcp[13] = s->flags;
		if (at)
			tcp[13] &= (uint8_t)~SEGMENT_CWR;
		if (at + part < s->len)
			tcp[13] &= (uint8_t) ~(SEGMENT_FIN | SEGMENT_PSH);
		pseudo = segment_set_len(head, s, part);
		put_be16(tcp + 16, 0);
		sum = (uint16_t)~segment_fold(segment_sum(data + at, part, segment_sum(tcp, s->data - s->tcp, pseudo)));
		memcpy(tcp + 16, &sum, 2);
		send_parts(l, &none, head, s->data, data + at, part);
	}
}

static void
put_segment(struct large *l, const uint8_t *frame, size_t len, const struct segment *s, size_t mss)
{
	uint8_t head[SEGMENT_HEADERS_MAX];
	struct offload facts;

	memcpy(head, frame, s->data);
	if (s->len <= mss) {
		mss_clamp(&l->mss, head, s);
		/* libslirp's own work, over the cable of two processes: nobody needs to check that again. */
		facts = (struct offload){.flags = l->cable->takes & OFFLOAD_CSUM ? OFFLOAD_F_DATA_VALID : 0};
		send_parts(l, &facts, head, s->data, frame + s->data, len - s->data);
	} else if (l->cable->takes & (s->v6 ? OFFLOAD_TSO6 : OFFLOAD_TSO4)) {
		offload_large(&facts, head, s, s->len, mss);
		send_parts(l, &facts, head, s->data, frame + s->data, s->len);
	} else {
		cut(l, head, s, frame + s->data, mss);
	}
}

/* A fragment's place in its datagram, in units of 8 bytes, and how many bytes of it follow the header. */
static void
fill4(uint8_t *ip, size_t place, size_t len, bool more)
{
	uint16_t sum;

	put_be16(ip + 2, IP4_LEN + len);
	put_be16(ip + 6, place | (more ? MORE_FRAGMENTS : 0));
	put_be16(ip + 10, 0);
	sum = (uint16_t)~segment_fold(segment_sum(ip, IP4_LEN, 0));
	memcpy(ip + 10, &sum, 2);
}

static void
fill6(uint8_t *ip, size_t place, size_t len, bool more)
{
	put_be16(ip + 4, FRAGMENT_LEN + len);
	put_be16(ip + IP6_LEN + 2, place << 3 | more);
}

/* A datagram and the headers that each of its fragments begins with. */
struct whole {
	uint8_t head[ETH_LEN + IP6_LEN + FRAGMENT_LEN];
	size_t head_len;
	const uint8_t *data;
	size_t len;
	size_t place; /* not 0, or more to come: it is a fragment itself */
	bool more;
	void (*fill)(uint8_t *ip, size_t place, size_t len, bool more);
};

/* False: it may not be cut, has options, or says more than there is. */
static bool
read4(struct whole *w, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_LEN;
	size_t total = get_be16(ip + 2), bits = get_be16(ip + 6);

	if (ip[0] != 0x45 || (bits & DO_NOT_FRAGMENT) || total < IP4_LEN || total > len - ETH_LEN)
		return false;
	*w = (struct whole){
	    .head_len = ETH_LEN + IP4_LEN,
	    .data = ip + IP4_LEN,
	    .len = total - IP4_LEN,
	    .place = bits & ~MORE_FRAGMENTS,
	    .more = bits & MORE_FRAGMENTS,
	    .fill = fill4,
	};
	memcpy(w->head, frame, w->head_len);
	return true;
}

/*
 * RFC 8200, 4.5: here we are the sender, for libslirp believes in a larger MTU. Identifications are just counted: nobody but us
 * can send the guest fragments that would fit. Only what libslirp makes, without further headers.
 */
static bool
read6(struct whole *w, const uint8_t *frame, size_t len, uint32_t id)
{
	const uint8_t *ip = frame + ETH_LEN;
	uint8_t *header = w->head + ETH_LEN + IP6_LEN;

	if (ip[0] >> 4 != 6 || (ip[6] != UDP && ip[6] != ICMPV6) || get_be16(ip + 4) > len - ETH_LEN - IP6_LEN)
		return false;
	*w = (struct whole){
	    .head_len = sizeof(w->head),
	    .data = ip + IP6_LEN,
	    .len = get_be16(ip + 4),
	    .fill = fill6,
	};
	memcpy(w->head, frame, ETH_LEN + IP6_LEN);
	header[0] = ip[6];
	put_be32(header + 4, id);
	w->head[ETH_LEN + 6] = FRAGMENT;
	return true;
}

/* RFC 791, 3.2, "fragmentation". */
static void
put_fragments(struct large *l, const uint8_t *frame, size_t len)
{
	static const struct offload none;
	uint16_t type = get_be16(frame + 12);
	struct whole w;
	size_t step;

	if (!(type == 0x0800 && read4(&w, frame, len)) && !(type == 0x86dd && read6(&w, frame, len, l->id++)))
		return;
	step = (l->mss.mtu - (w.head_len - ETH_LEN)) / 8 * 8;
	for (size_t at = 0, part; at < w.len; at += part) {
		bool last = w.len - at <= step;

		part = last ? w.len - at : step;
		w.fill(w.head + ETH_LEN, w.place + at / 8, part, w.more || !last);
		send_parts(l, &none, w.head, w.head_len, w.data + at, part);
	}
}

void
large_put(struct large *l, const uint8_t *frame, size_t len)
{
	struct segment s;

	if (segment_parse(&s, frame, len))
		put_segment(l, frame, len, &s, mss_of(&l->mss, frame, &s));
	else if (len > ETH_LEN + (size_t)l->mss.mtu)
		put_fragments(l, frame, len);
	else
		cable_send(l->cable, frame, len);
}

void
large_take(struct large *l, uint8_t *frame, size_t len)
{
	struct segment s;

	offload_finish(&l->cable->facts, frame, len);
	if (segment_parse(&s, frame, len))
		mss_raise(&l->mss, frame, &s);
}
