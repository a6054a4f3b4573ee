/* SPDX-License-Identifier: ISC */
/* IPv4 reassembly; the contracts are in fragments.h. */
#include <string.h>

#include "common/bytes.h"
#include "common/segment.h"
#include "vm-slirp/fragments.h"

#define IP 14 /* where the IP header begins */

/* A frame with IPv4 of which it has the whole header. */
static bool
is_ip4(const uint8_t *frame, size_t len)
{
	return len >= FRAGMENTS_HEAD && get_be16(frame + 12) == 0x0800 && frame[IP] >> 4 == 4;
}

static void
make_key(uint8_t key[12], const uint8_t *frame)
{
	memset(key, 0, 12);
	memcpy(key, frame + IP + 12, 8);
	memcpy(key + 8, frame + IP + 4, 2);
	key[10] = frame[IP + 9];
}

/* The datagram that a fragment belongs to, perhaps a new one. */
static struct datagram *
find(struct fragments *f, const uint8_t *frame, int64_t now)
{
	struct datagram *d = f->datagrams, *end = d + FRAGMENTS_AT_ONCE, *oldest = d;
	uint8_t key[12];

	make_key(key, frame);
	for (; d < end; d++) {
		if (d->since && now - d->since > FRAGMENTS_MS)
			d->since = 0;
		if (d->since && !memcmp(d->key, key, sizeof(key)))
			return d;
		if (d->since < oldest->since)
			oldest = d;
	}
	oldest->since = now ? now : 1;
	oldest->head = false;
	oldest->total = oldest->have = 0;
	memset(oldest->seen, 0, sizeof(oldest->seen));
	memcpy(oldest->key, key, sizeof(key));
	return oldest;
}

/* Marks the places of off..off+len. False when one was taken. */
static bool
mark(struct datagram *d, size_t off, size_t len)
{
	for (size_t block = off / 8; block < (off + len + 7) / 8; block++) {
		uint8_t bit = (uint8_t)(1 << block % 8);

		if (d->seen[block / 8] & bit)
			return false;
		d->seen[block / 8] |= bit;
	}
	return true;
}

/* Puts data in its place. False when it contradicts what is there: then none of it can be trusted. */
static bool
place(struct datagram *d, const uint8_t *frame, size_t off, size_t len, bool more)
{
	if (!more && d->total && d->total != off + len)
		return false;
	if (!more)
		d->total = off + len;
	if ((d->total && off + len > d->total) || !mark(d, off, len))
		return false;
	memcpy(d->frame + FRAGMENTS_HEAD + off, frame + FRAGMENTS_HEAD, len);
	d->have += len;
	if (!off)
		memcpy(d->frame, frame, FRAGMENTS_HEAD);
	d->head |= !off;
	return !d->total || d->have <= d->total;
}

/* The first fragment's header becomes that of the whole. */
static void
finish(struct datagram *d)
{
	uint8_t *ip = d->frame + IP;
	size_t len = d->total + 20;
	uint16_t sum;

	ip[2] = (uint8_t)(len >> 8);
	ip[3] = (uint8_t)len;
	memset(ip + 6, 0, 2);
	memset(ip + 10, 0, 2);
	sum = (uint16_t)~segment_fold(segment_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
}

bool
fragments_put(struct fragments *f, const uint8_t **frame, size_t *len, int64_t now)
{
	const uint8_t *p = *frame;
	size_t bits, off, size;
	struct datagram *d;
	bool more;

	if (!is_ip4(p, *len))
		return true;
	bits = get_be16(p + IP + 6);
	if (!(bits & 0x3fff))
		return true;
	more = bits & 0x2000;
	off = (bits & 0x1fff) * 8;
	size = get_be16(p + IP + 2);
	/* Options, a bad checksum, a length that is not the frame's, a piece that others cannot join: nobody sends these. */
	if ((p[IP] & 15) != 5 || segment_fold(segment_sum(p + IP, 20, 0)) != 0xffff || size <= 20 || size + IP > *len)
		return false;
	size -= 20;
	if ((more && size % 8) || off + size > FRAGMENTS_DATA)
		return false;
	d = find(f, p, now);
	if (!place(d, p, off, size, more)) {
		d->since = 0;
		return false;
	}
	if (!d->head || !d->total || d->have != d->total)
		return false;
	finish(d);
	d->since = 0;
	*frame = d->frame;
	*len = FRAGMENTS_HEAD + d->total;
	return true;
}
