/* SPDX-License-Identifier: ISC */
/* Echoes of a multicast group; the contracts are in echo.h. */
#include "common/echo.h"

static uint64_t
digest(const uint8_t *frame, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len && i < ECHO_BYTES; i++)
		h = (h ^ frame[i]) * 0x100000001b3ULL; /* FNV-1a */
	return h;
}

void
echo_sent(struct echo *e, const void *start, size_t len)
{
	e->digest[e->end++ % ECHOES] = digest(start, len);
	if (e->end - e->first > ECHOES)
		e->first = e->end - ECHOES;
}

bool
echo_heard(struct echo *e, const void *frame, size_t len)
{
	uint64_t h;

	if (e->first == e->end)
		return false;
	h = digest(frame, len);
	for (unsigned i = e->first; i != e->end; i++) {
		if (e->digest[i % ECHOES] == h) {
			e->first = i + 1; /* those before were lost on the way */
			return true;
		}
	}
	return false;
}
