/* SPDX-License-Identifier: ISC */
/* The entries of a refcount block, of 1 << order bits each. qcow2.txt, "Host cluster management". */
#ifndef COMMON_IMAGE_QCOW2_REFBLOCK_H
#define COMMON_IMAGE_QCOW2_REFBLOCK_H

#include "common/image/qcow2_state.h"

/* The largest refcount of 1 << order bits. */
static inline uint64_t
refblock_largest(unsigned order)
{
	return order == 6 ? UINT64_MAX : (1ULL << (1U << order)) - 1;
}

/* How many clusters a block tells of. */
static inline uint64_t
refblock_span(const struct qcow2 *q, unsigned order)
{
	return (8ULL << q->cluster_bits) >> order;
}

/* Entry i of a block: of less than a byte, the first is in the least significant bits. */
static inline uint64_t
refblock_get(const uint8_t *block, uint64_t i, unsigned order)
{
	switch (order) {
	case 3:
		return block[i];
	case 4:
		return get_be16(block + 2 * i);
	case 5:
		return get_be32(block + 4 * i);
	case 6:
		return get_be64(block + 8 * i);
	default:
		return block[i << order >> 3] >> ((i << order) & 7) & ((1U << (1U << order)) - 1);
	}
}

static inline void
refblock_put(uint8_t *block, uint64_t i, unsigned order, uint64_t n)
{
	unsigned shift, mask;

	switch (order) {
	case 3:
		block[i] = (uint8_t)n;
		break;
	case 4:
		put_be16(block + 2 * i, (uint16_t)n);
		break;
	case 5:
		put_be32(block + 4 * i, (uint32_t)n);
		break;
	case 6:
		put_be64(block + 8 * i, n);
		break;
	default:
		shift = (i << order) & 7;
		mask = ((1U << (1U << order)) - 1) << shift;
		block[i << order >> 3] = (uint8_t)((block[i << order >> 3] & ~mask) | ((unsigned)n << shift));
	}
}

#endif
