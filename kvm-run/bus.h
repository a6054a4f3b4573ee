/* SPDX-License-Identifier: ISC */
/* Port and memory buses: sorted arrays, fixed before the first vCPU runs, so that a lookup takes no lock. */
#ifndef KVM_RUN_BUS_H
#define KVM_RUN_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_RANGES_MAX 32

/* An access of 1, 2, 4 or 8 bytes (ports: 1, 2, 4), little endian, on a vCPU thread; several vCPUs may call at once.
 * For a read, data is all ones beforehand. `off` counts from the range's base; off + len never passes its end. */
typedef void bus_access(void *dev, uint64_t off, void *data, unsigned len, bool write);

struct bus_range {
	uint64_t base, len;
	bus_access *access;
	void *dev;
};

struct bus {
	struct bus_range v[BUS_RANGES_MAX];
	size_t n;
};

/* Adds a range; a range that overlaps another, or one too many, is a programming error (abort). Before the vCPUs run. */
void bus_add(struct bus *b, uint64_t base, uint64_t len, bus_access *access, void *dev);

/* Reads of nothing give all ones, writes to nothing vanish: as on a PC. */
void bus_do(const struct bus *b, uint64_t addr, void *data, unsigned len, bool write);

/* For devices whose registers are dwords: calls fn for each of them. A smaller read is a part of one, a smaller write does
 * nothing, and so does what is not aligned. */
void bus_dwords(void *dev, void (*fn)(void *dev, uint64_t off, uint32_t *v, bool write), uint64_t off, void *data,
    unsigned len, bool write);

#endif
