/* SPDX-License-Identifier: ISC */
/* The one way in which an answer is put together. */
#ifndef VM_DHCPD_PUT_H
#define VM_DHCPD_PUT_H

#include "common/bytes.h"

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
	uint8_t *p = put_room(b, 2);

	if (p)
		put_be16(p, (uint16_t)v);
}

static inline void
put32(struct put *b, uint32_t v)
{
	uint8_t *p = put_room(b, 4);

	if (p)
		put_be32(p, v);
}

#endif
