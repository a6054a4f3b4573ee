/* SPDX-License-Identifier: ISC */
/* Checksums and headers of frames that the e1000's driver left to the card (3.5, 3.6); the contract is in e1000_dev.h. */
#include <string.h>

#include "common/bytes.h"
#include "common/segment.h"
#include "kvm-run/e1000_dev.h"

#define TCP_FIN_PSH 0x09
#define TCP_SEQ 4
#define TCP_FLAGS 13
#define UDP_LENGTH 4
#define IP4_LENGTH 2
#define IP4_ID 4
#define IP6_LENGTH 4

/* The sum of bytes start..end (0: to the end of the frame) into the two at `offset`, which count as they are. */
static void
put_sum(uint8_t *frame, size_t len, size_t start, size_t end, size_t offset)
{
	size_t stop = end && end < len ? end + 1 : len;
	uint16_t sum;

	if (start >= stop || offset + 2 > len)
		return;
	sum = (uint16_t)~segment_fold(segment_sum(frame + start, stop - start, 0));
	memcpy(frame + offset, &sum, sizeof(sum));
}

static void
add16(uint8_t *at, uint32_t n)
{
	put_be16(at, (uint16_t)(get_be16(at) + n));
}

/* A segment's lengths, identification, sequence number and flags, 3.5.7. */
static void
fix_headers(const struct e1000_context *c, uint8_t *frame, size_t len, size_t from, unsigned n, bool last)
{
	uint8_t *ip = frame + c->ip_start, *tcp = frame + c->tcp_start;

	if (c->ipv4 && c->ip_start + 20U <= len) {
		put_be16(ip + IP4_LENGTH, (uint16_t)(len - c->ip_start));
		add16(ip + IP4_ID, n);
	} else if (!c->ipv4 && c->ip_start + 40U <= len) {
		put_be16(ip + IP6_LENGTH, (uint16_t)(len - c->ip_start - 40));
	}
	if (c->tcp && c->tcp_start + 20U <= len) {
		put_be32(tcp + TCP_SEQ, get_be32(tcp + TCP_SEQ) + (uint32_t)from);
		if (!last)
			tcp[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
	} else if (!c->tcp && c->tcp_start + 8U <= len) {
		put_be16(tcp + UDP_LENGTH, (uint16_t)(len - c->tcp_start));
	}
}

/* The driver has summed up the pseudo-header without the length, which is another one in each segment: 3.5.6. */
static void
add_length(const struct e1000_context *c, uint8_t *frame, size_t len)
{
	uint8_t *at = frame + c->tcp_offset;
	uint32_t sum;

	if (c->tcp_offset + 2U > len || c->tcp_start > len)
		return;
	sum = get_be16(at) + (uint32_t)(len - c->tcp_start);
	put_be16(at, (uint16_t)((sum & 0xffff) + (sum >> 16)));
}

void
e1000_finish_frame(const struct e1000_tx *t, uint8_t *frame, size_t len, size_t from, unsigned n, bool last)
{
	const struct e1000_context *c = &t->context[t->segment];

	if (t->segment) {
		fix_headers(c, frame, len, from, n, last);
		if (t->sum_tcp)
			add_length(c, frame, len);
	}
	if (t->sum_tcp)
		put_sum(frame, len, c->tcp_start, c->tcp_end, c->tcp_offset);
	if (t->sum_ip)
		put_sum(frame, len, c->ip_start, c->ip_end, c->ip_offset);
	if (t->legacy_offset)
		put_sum(frame, len, t->legacy_start, 0, t->legacy_offset);
}
