/* SPDX-License-Identifier: ISC */
/* Addresses and their ports; the contracts are in macs.h. */
#include <string.h>

#include "vm-bridge/macs.h"

static size_t
set_of(const struct macs *m, const uint8_t addr[6])
{
	uint64_t h = 0;

	memcpy(&h, addr, 6);
	h = (h ^ m->seed) * 0x9e3779b97f4a7c15ULL; /* Fibonacci hashing: the high bits hold all */
	return (size_t)(h >> 32) % MACS_SETS;
}

static int
is_known(const struct mac *e, const uint8_t addr[6], uint32_t now)
{
	return e->seen && now - e->seen < MACS_AGE && !memcmp(e->addr, addr, 6);
}

void
macs_learn(struct macs *m, const uint8_t addr[6], uint16_t port, uint32_t now)
{
	struct mac *set = m->v[set_of(m, addr)], *e = set;

	for (size_t i = 0; i < MACS_WAYS; i++) {
		if (!memcmp(set[i].addr, addr, 6)) {
			e = &set[i];
			break;
		}
		if (set[i].seen < e->seen)
			e = &set[i];
	}
	memcpy(e->addr, addr, 6);
	e->port = port;
	e->seen = now;
}

int
macs_find(const struct macs *m, const uint8_t addr[6], uint32_t now)
{
	const struct mac *set = m->v[set_of(m, addr)];

	for (size_t i = 0; i < MACS_WAYS; i++)
		if (is_known(&set[i], addr, now))
			return set[i].port;
	return -1;
}

void
macs_forget(struct macs *m, uint16_t port)
{
	for (size_t i = 0; i < MACS_SETS; i++)
		for (size_t j = 0; j < MACS_WAYS; j++)
			if (m->v[i][j].port == port)
				m->v[i][j].seen = 0;
}

size_t
macs_count(const struct macs *m, uint16_t port, uint32_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < MACS_SETS; i++)
		for (size_t j = 0; j < MACS_WAYS; j++)
			n += m->v[i][j].port == port && m->v[i][j].seen && now - m->v[i][j].seen < MACS_AGE;
	return n;
}
