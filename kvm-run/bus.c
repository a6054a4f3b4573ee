/* SPDX-License-Identifier: ISC */
/* Port and memory buses; the contracts are in bus.h. */
#include <stdlib.h>
#include <string.h>

#include "kvm-run/bus.h"

void
bus_add(struct bus *b, uint64_t base, uint64_t len, bus_access *access, void *dev)
{
	size_t i = b->n;

	if (b->n == BUS_RANGES_MAX || !len)
		abort();
	for (; i && b->v[i - 1].base > base; i--)
		b->v[i] = b->v[i - 1];
	b->v[i] = (struct bus_range){base, len, access, dev};
	b->n++;
	if ((i && b->v[i - 1].base + b->v[i - 1].len > base) || (i + 1 < b->n && base + len > b->v[i + 1].base))
		abort();
}

/* The last range that starts at or below addr. */
static const struct bus_range *
find(const struct bus *b, uint64_t addr)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (b->v[mid].base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &b->v[lo - 1] : NULL;
}

void
bus_do(const struct bus *b, uint64_t addr, void *data, unsigned len, bool write)
{
	const struct bus_range *r = find(b, addr);

	if (!write)
		memset(data, 0xff, len);
	if (!r || addr - r->base >= r->len)
		return;
	if (len <= r->len - (addr - r->base)) {
		r->access(r->dev, addr - r->base, data, len, write);
		return;
	}
	/* An access over the end of a range: its bytes one by one, as a PC's bus splits it. */
	for (unsigned i = 0; i < len; i++)
		bus_do(b, addr + i, (uint8_t *)data + i, 1, write);
}

void
bus_dwords(void *dev, void (*fn)(void *dev, uint64_t off, uint32_t *v, bool write), uint64_t off, void *data,
    unsigned len, bool write)
{
	uint32_t v;

	if (len < 4 && !write && off % 4 + len <= 4) {
		fn(dev, off & ~3ULL, &v, false);
		memcpy(data, (char *)&v + off % 4, len);
	}
	for (unsigned i = 0; i + 4 <= len && off % 4 == 0; i += 4) {
		memcpy(&v, (char *)data + i, 4);
		fn(dev, off + i, &v, write);
		memcpy((char *)data + i, &v, 4);
	}
}
