/* SPDX-License-Identifier: ISC */
/* Large frames between libslirp and the guest; the contracts are in large.h. */
#include <string.h>

#include "common/bytes.h"
#include "vm-slirp/large.h"

#define ETH_LEN 14
#define IP4_LEN 20
#define MORE_FRAGMENTS 0x2000 /* RFC 791, 3.1 */

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

/* RFC 791, 3.2, "fragmentation". Of a datagram that may not be cut, or that has options, nothing goes. */
static void
put_fragments(struct large *l, const uint8_t *frame, size_t len)
{
	static const struct offload none;
	size_t step = (l->mss.mtu - IP4_LEN) / 8 * 8u, total = get_be16(frame + ETH_LEN + 2);
	uint16_t offset = get_be16(frame + ETH_LEN + 6), sum;
	uint8_t head[ETH_LEN + IP4_LEN], *ip = head + ETH_LEN;

	memcpy(head, frame, sizeof(head));
	if (get_be16(frame + 12) != 0x0800 || ip[0] != 0x45 || (offset & 0x4000) || total < IP4_LEN || total > len - ETH_LEN)
		return;
	total -= IP4_LEN;
	for (size_t at = 0, part; at < total; at += part) {
		bool last = total - at <= step;

		part = last ? total - at : step;
		put_be16(ip + 2, IP4_LEN + part);
		put_be16(ip + 6, (size_t)(offset + at / 8) | (last ? 0 : MORE_FRAGMENTS));
		put_be16(ip + 10, 0);
		sum = (uint16_t)~segment_fold(segment_sum(ip, IP4_LEN, 0));
		memcpy(ip + 10, &sum, 2);
		send_parts(l, &none, head, sizeof(head), frame + sizeof(head) + at, part);
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
