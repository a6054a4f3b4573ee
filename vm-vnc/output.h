/* SPDX-License-Identifier: ISC */
/*
 * What is to go to the viewer and has not gone yet. libvncserver writes to a descriptor, and would wait there for a slow
 * viewer; here that descriptor is a memfd, so that encoding never waits and keys are heard meanwhile.
 */
#ifndef VM_VNC_OUTPUT_H
#define VM_VNC_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_ENOUGH (1u << 20) /* nothing more is encoded while that much waits */
#define OUTPUT_MAX (24u << 20)	 /* never more: one rectangle and its messages */

struct output {
	int fd; /* what is written to it, waits */
	const uint8_t *mem;
	size_t sent; /* of what waits, from its start */
	uint64_t total; /* ever sent */
};

/* 0 or -errno. */
int output_open(struct output *o);

void output_put(struct output *o, const void *bytes, size_t len);
void output_put8(struct output *o, uint8_t v);
void output_put16(struct output *o, uint16_t v); /* big endian, as all of RFB */
void output_put32(struct output *o, uint32_t v);

/* The bytes that wait. */
size_t output_waiting(const struct output *o);

/* Sends what the socket takes now. False when the viewer has gone. */
bool output_flush(struct output *o, int sock);

#endif
