/* SPDX-License-Identifier: ISC */
/*
 * What goes with a frame besides its bytes: that its checksum is to be finished, that it is many TCP segments in one. It
 * is told by virtio's header (virtio 1.2, 5.1.6), which taps know too, and on streams by those who agreed on it (frame.h).
 */
#ifndef COMMON_OFFLOAD_H
#define COMMON_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a receiver takes; the bits are those of VIRTIO_NET_F_GUEST_*, 5.1.3. */
#define OFFLOAD_CSUM (1u << 1)
#define OFFLOAD_TSO4 (1u << 7)
#define OFFLOAD_TSO6 (1u << 8)
#define OFFLOAD_ECN (1u << 9)
#define OFFLOAD_ALL (OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN)

#define OFFLOAD_HEADER 12

/* Virtio's header: its numbers are little-endian, as this host's. */
struct offload {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
	uint16_t num_buffers; /* tells nothing on a wire */
};

#define OFFLOAD_F_NEEDS_CSUM 1 /* from csum_start on, into csum_offset behind that */
#define OFFLOAD_F_DATA_VALID 2 /* its checksums were checked, or never left the host */
#define OFFLOAD_GSO_NONE 0
#define OFFLOAD_GSO_TCPV4 1
#define OFFLOAD_GSO_TCPV6 4
#define OFFLOAD_GSO_ECN 0x80 /* besides: the segment has CWR set */

/* Whether one that takes `takes` can make sense of a frame of len bytes with these facts: whoever wrote them may lie. */
bool offload_fits(const struct offload *h, size_t len, unsigned takes);

/* Whether besides they are just what a driver expects to be handed: a large segment is a plain TCP segment of the right
 * family, with its checksum where it belongs. */
bool offload_plain(const struct offload *h, const uint8_t *frame, size_t len);

struct segment;

/* Makes the headers in `frame`, which are s's, those of one large segment with len bytes of data, to be cut after every
 * `size`; and the facts that say so. */
void offload_large(struct offload *h, uint8_t *frame, const struct segment *s, size_t len, size_t size);

/* Finishes the checksum, when that is asked for, of a frame that fits. */
void offload_finish(const struct offload *h, uint8_t *frame, size_t len);

#endif
