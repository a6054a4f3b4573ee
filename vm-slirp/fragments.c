/* SPDX-License-Identifier: ISC */
/* Reassembly of IPv4 and IPv6; the contracts are in fragments.h. */
#include <string.h>

#include "common/bytes.h"
#include "common/segment.h"
#include "vm-slirp/fragments.h"

#define IP 14		/* where the IP header begins */
#define FRAGMENT 44	/* the Fragment header of IPv6, RFC 8200, 4.5, */
#define FRAGMENT_LEN 8 /* and its length */

/* One fragment, as its frame says. */
struct piece {
	const uint8_t *frame, *data;
	uint8_t key[FRAGMENTS_KEY];
	size_t head; /* bytes before the data of the whole: link and IP headers */
	size_t off, len;
	bool more;
};

static bool
is_fragment4(const uint8_t *frame, size_t len)
{
	return len >= FRAGMENTS_HEAD4 && get_be16(frame + 12) == 0x0800 && frame[IP] >> 4 == 4 &&
	       (get_be16(frame + IP + 6) & 0x3fff);
}

/* The header stands first in what guests send. Behind others it finds its end in libslirp, which knows none of them. */
static bool
is_fragment6(const uint8_t *frame, size_t len)
{
	return len >= FRAGMENTS_HEAD6 && get_be16(frame + 12) == 0x86dd && frame[IP] >> 4 == 6 && frame[IP + 6] == FRAGMENT;
}

/* False: options, a bad checksum, a length that is not the frame's. Nobody sends these. */
static bool
read4(struct piece *p, const uint8_t *frame, size_t len)
{
	size_t bits = get_be16(frame + IP + 6), size = get_be16(frame + IP + 2);

	if ((frame[IP] & 15) != 5 || segment_fold(segment_sum(frame + IP, 20, 0)) != 0xffff || size <= 20 || size + IP > len)
		return false;
	*p = (struct piece){
	    .frame = frame,
	    .data = frame + FRAGMENTS_HEAD4,
	    .head = FRAGMENTS_HEAD4,
	    .off = (bits & 0x1fff) * 8,
	    .len = size - 20,
	    .more = bits & 0x2000,
	};
	memcpy(p->key, frame + IP + 12, 8); /* source and destination */
	memcpy(p->key + 8, frame + IP + 4, 2);
	p->key[10] = frame[IP + 9];
	p->key[FRAGMENTS_KEY - 1] = 4;
	return p->off + p->len <= FRAGMENTS_DATA4;
}

/* The protocol is no part of the key: the first fragment's counts. */
static bool
read6(struct piece *p, const uint8_t *frame, size_t len)
{
	const uint8_t *header = frame + FRAGMENTS_HEAD6;
	size_t bits, size = get_be16(frame + IP + 4);

	if (size <= FRAGMENT_LEN || FRAGMENTS_HEAD6 + size > len)
		return false;
	bits = get_be16(header + 2);
	*p = (struct piece){
	    .frame = frame,
	    .data = header + FRAGMENT_LEN,
	    .head = FRAGMENTS_HEAD6,
	    .off = bits & 0xfff8,
	    .len = size - FRAGMENT_LEN,
	    .more = bits & 1,
	};
	memcpy(p->key, frame + IP + 8, 32);
	memcpy(p->key + 32, header + 4, 4);
	p->key[FRAGMENTS_KEY - 1] = 6;
	return p->off + p->len <= FRAGMENTS_DATA6;
}

/* The datagram that a fragment belongs to, perhaps a new one. */
static struct datagram *
find(struct fragments *f, const uint8_t key[FRAGMENTS_KEY], int64_t now)
{
	struct datagram *d = f->datagrams, *end = d + FRAGMENTS_AT_ONCE, *oldest = d;

	for (; d < end; d++) {
		if (d->since && now - d->since > FRAGMENTS_MS)
			d->since = 0;
		if (d->since && !memcmp(d->key, key, FRAGMENTS_KEY))
			return d;
		if (d->since < oldest->since)
			oldest = d;
	}
	oldest->since = now ? now : 1;
	oldest->head = false;
	oldest->total = oldest->have = 0;
	memset(oldest->seen, 0, sizeof(oldest->seen));
	memcpy(oldest->key, key, FRAGMENTS_KEY);
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

/* The first fragment's header becomes that of the whole, but for its length. */
static void
put_head(struct datagram *d, const struct piece *p)
{
	uint8_t *ip = d->frame + IP;

	memcpy(d->frame, p->frame, p->head);
	if (p->head == FRAGMENTS_HEAD6)
		ip[6] = p->frame[FRAGMENTS_HEAD6];
	else
		memset(ip + 6, 0, 2);
	d->head = true;
}

/* Puts data in its place. False when it contradicts what is there: then none of it can be trusted. */
static bool
place(struct datagram *d, const struct piece *p)
{
	if (!p->more && d->total && d->total != p->off + p->len)
		return false;
	if (!p->more)
		d->total = p->off + p->len;
	if ((d->total && p->off + p->len > d->total) || !mark(d, p->off, p->len))
		return false;
	memcpy(d->frame + p->head + p->off, p->data, p->len);
	d->have += p->len;
	if (!p->off)
		put_head(d, p);
	return !d->total || d->have <= d->total;
}

static void
put_length(struct datagram *d, size_t head)
{
	uint8_t *ip = d->frame + IP;
	uint16_t sum;

	if (head == FRAGMENTS_HEAD6) {
		put_be16(ip + 4, d->total);
		return;
	}
	put_be16(ip + 2, 20 + d->total);
	put_be16(ip + 10, 0);
	sum = (uint16_t)~segment_fold(segment_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
}

bool
fragments_put(struct fragments *f, const uint8_t **frame, size_t *len, int64_t now)
{
	struct datagram *d;
	struct piece p;
	bool good;

	if (is_fragment4(*frame, *len))
		good = read4(&p, *frame, *len);
	else if (is_fragment6(*frame, *len))
		good = read6(&p, *frame, *len);
	else
		return true;
	if (!good || (p.more && p.len % 8)) /* the next could not join it */
		return false;
	d = find(f, p.key, now);
	if (!place(d, &p)) {
		d->since = 0;
		return false;
	}
	if (!d->head || !d->total || d->have != d->total)
		return false;
	put_length(d, p.head);
	d->since = 0;
	*frame = d->frame;
	*len = p.head + d->total;
	return true;
}
