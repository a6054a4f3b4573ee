/* SPDX-License-Identifier: ISC */
/* A split ring in ordinary memory, written as a driver would. Descriptors at 0, avail at 16 KiB, used at 32 KiB. */
#ifndef TESTS_UNIT_RING_H
#define TESTS_UNIT_RING_H

#include <string.h>

#include "kvm-run/virtq.h"

#define RING_RAM (1 << 20)
#define RING_DESC 0x0
#define RING_AVAIL 0x4000
#define RING_USED 0x8000
#define RING_DATA 0x10000

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct ring {
	_Alignas(4096) uint8_t ram[RING_RAM];
	struct guest_mem mem;
	struct virtq q;
};

static inline bool
ring_start(struct ring *r, uint16_t size, bool event_idx)
{
	memset(r->ram, 0, sizeof(r->ram));
	r->mem = (struct guest_mem){.base = r->ram, .size = RING_RAM, .low_size = RING_RAM, .fd = -1};
	r->q = (struct virtq){.size = size, .desc_gpa = RING_DESC, .avail_gpa = RING_AVAIL, .used_gpa = RING_USED,
	    .event_idx = event_idx};
	return vq_start(&r->q, &r->mem);
}

/* One descriptor of the table at gpa. */
static inline void
ring_desc(struct ring *r, uint64_t table, unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	uint8_t *d = r->ram + table + 16UL * i;

	memcpy(d, &addr, 8);
	memcpy(d + 8, &len, 4);
	memcpy(d + 12, &flags, 2);
	memcpy(d + 14, &next, 2);
}

static inline uint16_t
ring_get16(const struct ring *r, uint64_t at)
{
	uint16_t v;

	memcpy(&v, r->ram + at, 2);
	return v;
}

static inline void
ring_set16(struct ring *r, uint64_t at, uint16_t v)
{
	memcpy(r->ram + at, &v, 2);
}

/* Makes a head available. */
static inline void
ring_offer(struct ring *r, uint16_t head)
{
	uint16_t idx = ring_get16(r, RING_AVAIL + 2);

	ring_set16(r, RING_AVAIL + 4 + 2UL * (idx % r->q.size), head);
	ring_set16(r, RING_AVAIL + 2, (uint16_t)(idx + 1));
}

#endif
