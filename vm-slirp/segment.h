/* SPDX-License-Identifier: ISC */
/* TCP segments on their way to the guest: fewer acknowledgements, and larger segments where the cable takes them. */
#ifndef VM_SLIRP_SEGMENT_H
#define VM_SLIRP_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_ACK 0x10 /* TCP's flags, RFC 9293, 3.1 */
#define SEGMENT_PSH 0x08

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

/*
 * Acknowledgements are held while a batch of the guest's frames is handled: libslirp acknowledges every one, but the last
 * says it all. Every ACKS_HELD_MAX'th goes out, so that the guest keeps sending. Only progress is merged: what
 * acknowledges nothing new (a duplicate, a window update) is a signal of its own.
 */
#define ACKS_HELD_MAX 8

struct acks {
	void (*send)(void *arg, const void *frame, size_t len);
	void *arg;
	bool holding; /* in a batch */
	unsigned merged;
	size_t len; /* of the held frame; 0: none */
	struct segment segment;
	uint8_t frame[128];
};

/* Takes every frame for the guest. */
void acks_put(struct acks *a, const void *frame, size_t len);
void acks_begin(struct acks *a);
void acks_end(struct acks *a);

#endif
