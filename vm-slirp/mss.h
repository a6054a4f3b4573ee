/* SPDX-License-Identifier: ISC */
/*
 * How large the segments of a connection may be. libslirp is told that the guest takes any (its SYN's option is raised on
 * the way), so that it makes few and large ones; here is kept what the guest said, for whoever cuts them.
 */
#ifndef VM_SLIRP_MSS_H
#define VM_SLIRP_MSS_H

#include "common/segment.h"

#define MSS_FLOWS 4096

struct mss {
	uint16_t mtu;
	uint16_t least; /* ever heard of, for connections that are forgotten; 0: none heard of */
	struct {
		uint32_t flow;
		uint16_t mss;
	} flows[MSS_FLOWS];
};

void mss_init(struct mss *m, size_t mtu);

/* A SYN of the guest's, its checksum complete: keeps the size in it, and raises it. */
void mss_raise(struct mss *m, uint8_t *frame, const struct segment *s);

/* One to the guest: what libslirp would like to get is bounded by what the network's MTU allows. */
void mss_clamp(const struct mss *m, uint8_t *frame, const struct segment *s);

/* The most bytes of data that a segment to the guest may have. */
size_t mss_of(const struct mss *m, const uint8_t *frame, const struct segment *s);

#endif
