/* SPDX-License-Identifier: ISC */
/* TCP segments in frames; the contracts are in segment.h. */
#include <endian.h>
#include <string.h>

#include "common/bytes.h"
#include "common/segment.h"

#define ETH_LEN 14
#define IP4_LEN 20
#define IP6_LEN 40
#define TCP_LEN 20
#define TCP 6

/* Finds the TCP header; returns the length the IP header gives for the frame, 0 when it is not plain TCP. */
static size_t
parse_ip(struct segment *s, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_LEN;

	*s = (struct segment){.ip = ETH_LEN};
	if (len < ETH_LEN + IP6_LEN)
		return 0;
	s->v6 = get_be16(frame + 12) == 0x86dd;
	if (s->v6) {
		s->tcp = ETH_LEN + IP6_LEN;
		return ip[0] >> 4 == 6 && ip[6] == TCP ? s->tcp + get_be16(ip + 4) : 0;
	}
	s->tcp = ETH_LEN + IP4_LEN;
	/* Version 4 without options; no fragment (offset and More Fragments 0); TCP. */
	if (get_be16(frame + 12) != 0x0800 || ip[0] != 0x45 || (get_be16(ip + 6) & 0x3fff) || ip[9] != TCP)
		return 0;
	return ETH_LEN + get_be16(ip + 2);
}

bool
segment_parse(struct segment *s, const uint8_t *frame, size_t len)
{
	size_t end = parse_ip(s, frame, len);
	const uint8_t *tcp = frame + s->tcp;

	if (end < s->tcp + TCP_LEN || end > len)
		return false;
	s->data = s->tcp + (size_t)(tcp[12] >> 4) * 4;
	if (s->data < s->tcp + TCP_LEN || s->data > end)
		return false;
	s->len = end - s->data;
	s->seq = get_be32(tcp + 4);
	s->ack = get_be32(tcp + 8);
	s->flags = tcp[13];
	return true;
}

bool
segment_same_flow(const struct segment *s, const uint8_t *a, const struct segment *t, const uint8_t *b)
{
	size_t addresses = s->ip + (s->v6 ? 8 : 12);

	return s->v6 == t->v6 && !memcmp(a, b, ETH_LEN) &&
	       !memcmp(a + addresses, b + addresses, s->tcp + 4 - addresses);
}

typedef uint64_t lanes __attribute__((vector_size(16)));

uint64_t
segment_sum(const uint8_t *p, size_t len, uint64_t sum)
{
	lanes low = {0}, high = {0};
	uint16_t last = 0;

	/* The halves of 64 bits at a time: 65536 bytes cannot overflow a lane, and folding does not mind the width. */
	for (; len >= sizeof(lanes); len -= sizeof(lanes), p += sizeof(lanes)) {
		lanes v;

		memcpy(&v, p, sizeof(v));
		low += v & 0xffffffff;
		high += v >> 32;
	}
	low += high;
	sum += low[0] + low[1];
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t v;

		memcpy(&v, p, 4);
		sum += v;
	}
	if (len >= 2) {
		memcpy(&last, p, 2);
		sum += last;
		p += 2;
		len -= 2;
	}
	if (len) {
		last = 0;
		memcpy(&last, p, 1);
		sum += last;
	}
	return sum;
}

uint64_t
segment_set_len(uint8_t *frame, const struct segment *s, size_t len)
{
	size_t tcp_len = s->data - s->tcp + len, addresses = s->ip + (s->v6 ? 8 : 12);
	uint8_t *ip = frame + s->ip;
	uint16_t sum;

	if (s->v6) {
		put_be16(ip + 4, tcp_len);
	} else {
		put_be16(ip + 2, IP4_LEN + tcp_len);
		put_be16(ip + 10, 0);
		sum = (uint16_t)~segment_fold(segment_sum(ip, IP4_LEN, 0));
		memcpy(ip + 10, &sum, 2);
	}
	return segment_sum(frame + addresses, s->tcp - addresses, (uint64_t)htobe16((uint16_t)tcp_len) + htobe16(TCP));
}

uint16_t
segment_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
