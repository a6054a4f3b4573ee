/* SPDX-License-Identifier: ISC */
/* TCP segments in frames: found, compared, summed up. */
#ifndef COMMON_SEGMENT_H
#define COMMON_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_FIN 0x01 /* TCP's flags, RFC 9293, 3.1 */
#define SEGMENT_SYN 0x02
#define SEGMENT_PSH 0x08
#define SEGMENT_ACK 0x10
#define SEGMENT_CWR 0x80
#define SEGMENT_HEADERS_MAX (14 + 40 + 60)

/* A frame that holds a plain TCP segment: no IP options, no extension headers, no fragment. */
struct segment {
	size_t ip, tcp, data; /* offsets of the headers and of the data */
	size_t len;	      /* bytes of data */
	uint32_t seq, ack;
	uint8_t flags;
	bool v6;
};

/* False for every other frame, and for bytes that are no frame at all. */
bool segment_parse(struct segment *s, const uint8_t *frame, size_t len);

/* Two frames are of the same connection, in the same direction, with the same link header. */
bool segment_same_flow(const struct segment *s, const uint8_t *a, const struct segment *t, const uint8_t *b);

/* The sum of RFC 1071 over len bytes, added to an earlier one; unfolded, in the byte order of the bytes. */
uint64_t segment_sum(const uint8_t *p, size_t len, uint64_t sum);
uint16_t segment_fold(uint64_t sum);

/* Makes the IP header before s->tcp that of a segment with `len` bytes of data, checksum included; returns the sum of TCP's
 * pseudo header, unfolded. */
uint64_t segment_set_len(uint8_t *frame, const struct segment *s, size_t len);

#endif
