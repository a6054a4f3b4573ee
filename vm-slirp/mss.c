/* SPDX-License-Identifier: ISC */
/* Maximum segment sizes of connections; the contracts are in mss.h. */
#include <string.h>

#include "common/bytes.h"
#include "vm-slirp/mss.h"

#define TCP_LEN 20
#define OPTION_END 0 /* RFC 9293, 3.1 */
#define OPTION_NOP 1
#define OPTION_MSS 2
#define LEAST 32      /* as libslirp has it: a guest that says less would get a frame a byte */
#define RAISED 32768 /* libslirp takes no more */

void
mss_init(struct mss *m, size_t mtu)
{
	memset(m, 0, sizeof(*m));
	m->mtu = (uint16_t)mtu;
}

/* Where the option's two bytes are, or NULL. */
static uint8_t *
find_option(uint8_t *frame, const struct segment *s)
{
	size_t at = s->tcp + TCP_LEN;

	while (at + 4 <= s->data && frame[at] != OPTION_END) {
		if (frame[at] == OPTION_MSS && frame[at + 1] == 4)
			return frame + at + 2;
		if (frame[at] != OPTION_NOP && frame[at + 1] < 2)
			break;
		at += frame[at] == OPTION_NOP ? 1 : frame[at + 1];
	}
	return NULL;
}

/* Writes the option and adjusts the checksum by the difference: RFC 1624, 3, eqn. 3. An option may stand at an odd place,
 * where its bytes count the other way round. */
static void
set_option(uint8_t *frame, const struct segment *s, uint8_t *option, uint16_t mss)
{
	uint8_t new[2] = {(uint8_t)(mss >> 8), (uint8_t)mss};
	bool odd = (size_t)(option - frame - (ptrdiff_t)s->tcp) % 2;
	uint8_t word[2][2] = {{option[odd], option[!odd]}, {new[odd], new[!odd]}};
	uint16_t sum, was, is;

	memcpy(&sum, frame + s->tcp + 16, 2);
	memcpy(&was, word[0], 2);
	memcpy(&is, word[1], 2);
	sum = (uint16_t)~segment_fold((uint64_t)(uint16_t)~sum + (uint16_t)~was + is);
	memcpy(frame + s->tcp + 16, &sum, 2);
	memcpy(option, new, 2);
}

/* Addresses and ports, the guest's first. Whoever finds two connections of the same hash is the guest, and harms itself. */
static uint32_t
hash(const uint8_t *frame, const struct segment *s, bool from_guest)
{
	size_t len = s->v6 ? 16 : 4, addresses = s->tcp - 2 * len;
	const uint8_t *guest = frame + addresses + (from_guest ? 0 : len);
	const uint8_t *host = frame + addresses + (from_guest ? len : 0);
	const uint8_t *guest_port = frame + s->tcp + (from_guest ? 0 : 2), *host_port = frame + s->tcp + (from_guest ? 2 : 0);
	uint32_t h = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = ((h ^ guest[i]) * 16777619 ^ host[i]) * 16777619;
	for (size_t i = 0; i < 2; i++)
		h = ((h ^ guest_port[i]) * 16777619 ^ host_port[i]) * 16777619;
	return h;
}

static size_t
most(const struct mss *m, const struct segment *s)
{
	return m->mtu - (s->tcp - s->ip) - TCP_LEN;
}

void
mss_raise(struct mss *m, uint8_t *frame, const struct segment *s)
{
	uint8_t *option = s->flags & SEGMENT_SYN ? find_option(frame, s) : NULL;
	uint32_t flow;
	uint16_t mss;
	size_t size;

	if (!option)
		return;
	mss = get_be16(option);
	size = mss < most(m, s) ? mss : most(m, s);
	flow = hash(frame, s, true);
	m->flows[flow % MSS_FLOWS].flow = flow;
	m->flows[flow % MSS_FLOWS].mss = mss;
	if (!m->least || mss < m->least)
		m->least = mss;
	/* To a multiple, so that cutting leaves no small ends. */
	if (size && size < RAISED)
		set_option(frame, s, option, (uint16_t)(RAISED / size * size));
}

void
mss_clamp(const struct mss *m, uint8_t *frame, const struct segment *s)
{
	uint8_t *option = s->flags & SEGMENT_SYN ? find_option(frame, s) : NULL;

	if (option && get_be16(option) > most(m, s))
		set_option(frame, s, option, (uint16_t)most(m, s));
}

size_t
mss_of(const struct mss *m, const uint8_t *frame, const struct segment *s)
{
	uint32_t flow = hash(frame, s, false);
	size_t options, mss = m->flows[flow % MSS_FLOWS].flow == flow ? m->flows[flow % MSS_FLOWS].mss : m->least;

	if (!mss || mss > most(m, s))
		mss = most(m, s);
	/* Its own options take from it: RFC 6691. */
	options = s->data - s->tcp - TCP_LEN;
	return mss < options + LEAST ? LEAST : mss - options;
}
