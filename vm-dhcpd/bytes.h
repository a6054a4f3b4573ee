/* SPDX-License-Identifier: ISC */
/* Bytes of packets: numbers in network order, and the one way in which an answer is put together. */
#ifndef VM_DHCPD_BYTES_H
#define VM_DHCPD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void
set16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A packet that grows. What does not fit is left out whole, and `full` is set for good. */
struct put {
	uint8_t *buf;
	size_t len, size;
	bool full;
};

/* Room for n bytes, which the caller fills; NULL when there is none. */
static inline uint8_t *
put_room(struct put *b, size_t n)
{
	uint8_t *p = b->buf + b->len;

	if (n > b->size - b->len) {
		b->full = true;
		return NULL;
	}
	b->len += n;
	return p;
}

static inline void
put_bytes(struct put *b, const void *bytes, size_t n)
{
	uint8_t *p = put_room(b, n);

	if (p && n)
		memcpy(p, bytes, n);
}

static inline void
put8(struct put *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;

	put_bytes(b, &byte, 1);
}

static inline void
put16(struct put *b, unsigned v)
{
	const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	put_bytes(b, bytes, 2);
}

static inline void
put32(struct put *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

#endif
