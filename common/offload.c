/* SPDX-License-Identifier: ISC */
/* Facts about frames; the contracts are in offload.h. */
#include <string.h>

#include "common/offload.h"
#include "common/segment.h"

#define UDP_CSUM 6 /* where UDP has its checksum */
#define TCP_CSUM 16

static bool
gso_fits(const struct offload *h, unsigned takes)
{
	if ((h->gso_type & OFFLOAD_GSO_ECN) && !(takes & OFFLOAD_ECN))
		return false;
	switch (h->gso_type & ~OFFLOAD_GSO_ECN) {
	case OFFLOAD_GSO_TCPV4:
		takes &= OFFLOAD_TSO4;
		break;
	case OFFLOAD_GSO_TCPV6:
		takes &= OFFLOAD_TSO6;
		break;
	default:
		return false;
	}
	/* 5.1.6.2: without a checksum to finish there is no segmentation. */
	return takes && h->gso_size && (h->flags & OFFLOAD_F_NEEDS_CSUM);
}

bool
offload_fits(const struct offload *h, size_t len, unsigned takes)
{
	if ((h->flags & OFFLOAD_F_NEEDS_CSUM) &&
	    (!(takes & OFFLOAD_CSUM) || (size_t)h->csum_start + h->csum_offset + 2 > len))
		return false;
	return h->gso_type == OFFLOAD_GSO_NONE || gso_fits(h, takes);
}

bool
offload_plain(const struct offload *h, const uint8_t *frame, size_t len)
{
	struct segment s;

	if (h->gso_type == OFFLOAD_GSO_NONE)
		return true;
	return segment_parse(&s, frame, len) && h->csum_start == s.tcp && h->csum_offset == TCP_CSUM &&
	       h->hdr_len <= s.data && s.v6 == ((h->gso_type & ~OFFLOAD_GSO_ECN) == OFFLOAD_GSO_TCPV6);
}

void
offload_finish(const struct offload *h, uint8_t *frame, size_t len)
{
	uint16_t sum;

	if (!(h->flags & OFFLOAD_F_NEEDS_CSUM))
		return;
	sum = (uint16_t)~segment_fold(segment_sum(frame + h->csum_start, len - h->csum_start, 0));
	if (!sum && h->csum_offset == UDP_CSUM)
		sum = 0xffff; /* 0 is none at all, RFC 768 */
	memcpy(frame + h->csum_start + h->csum_offset, &sum, 2);
}

void
offload_large(struct offload *h, uint8_t *frame, const struct segment *s, size_t len, size_t size)
{
	/* The sum is the pseudo header's, not complemented: whoever cuts finishes each. */
	uint16_t sum = segment_fold(segment_set_len(frame, s, len));

	memcpy(frame + s->tcp + TCP_CSUM, &sum, 2);
	*h = (struct offload){
	    .flags = OFFLOAD_F_NEEDS_CSUM,
	    .gso_type = s->v6 ? OFFLOAD_GSO_TCPV6 : OFFLOAD_GSO_TCPV4,
	    .hdr_len = (uint16_t)s->data,
	    .gso_size = (uint16_t)size,
	    .csum_start = (uint16_t)s->tcp,
	    .csum_offset = TCP_CSUM,
	};
}
