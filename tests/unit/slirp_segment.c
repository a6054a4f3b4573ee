/* links: vm-slirp/acks.c vm-slirp/fragments.c */
/* SPDX-License-Identifier: ISC */
/* What is done to the guest's traffic around libslirp: acknowledgements merged, fragments put together. */
#include <endian.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "tests/unit/tap.h"
#include "vm-slirp/acks.h"
#include "vm-slirp/fragments.h"

static int sent;
static uint32_t sent_acks[64];

static void
take(void *arg, const void *frame, size_t len)
{
	struct segment s;

	(void)arg;
	sent_acks[sent++ % 64] = segment_parse(&s, frame, len) ? s.ack : 0;
}

/* A frame of 54 bytes and data: TCP over IPv4, port to port + 1. */
static size_t
tcp(uint8_t *f, uint8_t port, uint32_t seq, uint32_t ack, uint8_t flags, size_t data)
{
	memset(f, 0, 54 + data);
	memcpy(f, "\1\2\3\4\5\6\6\5\4\3\2\1\x08\0\x45", 15);
	f[16] = (uint8_t)((40 + data) >> 8);
	f[17] = (uint8_t)(40 + data);
	f[23] = 6;
	f[35] = port;
	f[37] = (uint8_t)(port + 1);
	for (int i = 0; i < 4; i++) {
		f[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
		f[42 + i] = (uint8_t)(ack >> (24 - 8 * i));
	}
	f[46] = 0x50;
	f[47] = flags;
	return 54 + data;
}

static void
test_parse(void)
{
	struct segment s;
	uint8_t f[2000];
	size_t len = tcp(f, 1, 100, 200, SEGMENT_ACK, 10);

	ok(segment_parse(&s, f, len) && s.tcp == 34 && s.data == 54 && s.len == 10 && s.seq == 100 && s.ack == 200, "plain TCP");
	ok(segment_parse(&s, f, len + 6) && s.len == 10, "padding is not data");
	ok(!segment_parse(&s, f, len - 1), "shorter than its header says");
	f[20] = 0x20;
	ok(!segment_parse(&s, f, len), "a fragment");
	f[20] = 0x40;
	ok(segment_parse(&s, f, len), "don't fragment is no fragment");
	f[46] = 0x40;
	ok(!segment_parse(&s, f, len), "a TCP header too short");
	f[46] = 0xf0;
	ok(!segment_parse(&s, f, len), "a TCP header beyond the end");
	f[46] = 0x50;
	f[14] = 0x46;
	ok(!segment_parse(&s, f, len), "IP options");
	for (size_t n = 0; n < 54; n++)
		if (segment_parse(&s, f, n))
			ok(false, "%zu bytes are no segment", n);
}

static void
test_sum(void)
{
	const uint8_t rfc[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7, 0x01};
	uint16_t sum = segment_fold(segment_sum(rfc, 8, 0));
	uint8_t large[1000];
	bool same = true;

	ok(!memcmp(&sum, "\xdd\xf2", 2), "the example of RFC 1071");
	sum = segment_fold(segment_sum(rfc, 9, 0));
	ok(!memcmp(&sum, "\xde\xf2", 2), "an odd byte");
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i * 167 + (i >> 8));
	for (size_t len = 0; len < sizeof(large); len++) {
		uint32_t slow = 0;

		for (size_t i = 0; i < len; i++)
			slow += i % 2 ? large[i] : (uint32_t)large[i] << 8;
		slow = (slow & 0xffff) + (slow >> 16);
		slow = (slow & 0xffff) + (slow >> 16);
		same = same && htobe16((uint16_t)slow) == segment_fold(segment_sum(large, len, 0));
	}
	ok(same, "any length");
}

static void
test_acks(void)
{
	struct acks a = {.send = take};
	uint8_t f[128];
	size_t len;

	acks_put(&a, f, tcp(f, 1, 1, 10, SEGMENT_ACK, 0));
	ok(sent == 1, "outside a batch everything goes out");
	acks_begin(&a);
	sent = 0;
	for (uint32_t ack = 20; ack < 23; ack++)
		acks_put(&a, f, tcp(f, 1, 1, ack, SEGMENT_ACK, 0));
	ok(sent == 0, "in a batch acknowledgements wait");
	acks_end(&a);
	ok(sent == 1 && sent_acks[0] == 22, "and the last one says it all");
	acks_begin(&a);
	sent = 0;
	for (uint32_t ack = 0xfffffffe; ack != 14; ack++)
		acks_put(&a, f, tcp(f, 1, 1, ack, SEGMENT_ACK, 0));
	acks_end(&a);
	ok(sent == 2 && sent_acks[0] == 5 && sent_acks[1] == 13, "every eighth goes out, also across zero");
	acks_begin(&a);
	sent = 0;
	for (int i = 0; i < 3; i++)
		acks_put(&a, f, tcp(f, 1, 1, 30, SEGMENT_ACK, 0));
	acks_end(&a);
	ok(sent == 3, "duplicates are a signal: all go out");
	acks_begin(&a);
	sent = 0;
	acks_put(&a, f, tcp(f, 1, 1, 30, SEGMENT_ACK, 0));
	acks_put(&a, f, tcp(f, 3, 1, 31, SEGMENT_ACK, 0));
	acks_put(&a, f, tcp(f, 3, 1, 32, SEGMENT_ACK, 5));
	acks_put(&a, f, tcp(f, 3, 1, 33, SEGMENT_ACK | 1, 0));
	acks_put(&a, f, tcp(f, 3, 1, 34, SEGMENT_ACK, 0));
	len = tcp(f, 3, 1, 35, SEGMENT_ACK, 0);
	f[12] = 0x86;
	acks_put(&a, f, len);
	acks_end(&a);
	ok(sent == 6 && sent_acks[0] == 30 && sent_acks[1] == 31 && sent_acks[2] == 32 && sent_acks[4] == 34,
	    "other connections, data, FIN and strangers are not merged, and the order is kept");
}

static struct fragments frags;
static const uint8_t *whole;
static size_t whole_len;

/* A fragment of datagram `id`, its data a count. */
static bool
fragment4(uint8_t id, size_t off, size_t len, bool more, int64_t now)
{
	static uint8_t f[FRAGMENTS_HEAD4 + 4096];
	uint16_t sum;

	memset(f, 0, FRAGMENTS_HEAD4);
	memcpy(f + 12, "\x08\0\x45", 3);
	put_be16(f + 16, 20 + len);
	f[19] = id;
	put_be16(f + 20, (more ? 0x2000 : 0) | off / 8);
	f[23] = 17;
	sum = (uint16_t)~segment_fold(segment_sum(f + 14, 20, 0));
	memcpy(f + 24, &sum, 2);
	for (size_t i = 0; i < len; i++)
		f[FRAGMENTS_HEAD4 + i] = (uint8_t)(off + i);
	whole = f;
	whole_len = FRAGMENTS_HEAD4 + len;
	return fragments_put(&frags, &whole, &whole_len, now);
}

static bool
is_whole4(size_t len)
{
	bool good = whole_len == FRAGMENTS_HEAD4 + len && get_be16(whole + 16) == len + 20 && !whole[20] && !whole[21] &&
		    segment_fold(segment_sum(whole + 14, 20, 0)) == 0xffff;

	for (size_t i = 0; good && i < len; i++)
		good = whole[FRAGMENTS_HEAD4 + i] == (uint8_t)i;
	return good;
}

/* The first one says UDP, the others something else: that does not count (RFC 8200, 4.5). */
static bool
fragment6(uint8_t id, size_t off, size_t len, bool more, int64_t now)
{
	static uint8_t f[FRAGMENTS_HEAD6 + 8 + 4096];

	memset(f, 0, FRAGMENTS_HEAD6 + 8);
	memcpy(f + 12, "\x86\xdd\x60", 3);
	put_be16(f + 18, 8 + len);
	f[20] = 44;
	f[54] = off ? 0 : 17;
	put_be16(f + 56, off | more);
	f[61] = id;
	for (size_t i = 0; i < len; i++)
		f[FRAGMENTS_HEAD6 + 8 + i] = (uint8_t)(off + i);
	whole = f;
	whole_len = FRAGMENTS_HEAD6 + 8 + len;
	return fragments_put(&frags, &whole, &whole_len, now);
}

static bool
is_whole6(size_t len)
{
	bool good = whole_len == FRAGMENTS_HEAD6 + len && get_be16(whole + 18) == len && whole[20] == 17;

	for (size_t i = 0; good && i < len; i++)
		good = whole[FRAGMENTS_HEAD6 + i] == (uint8_t)i;
	return good;
}

static void
test_fragments(bool v6)
{
	bool (*fragment)(uint8_t id, size_t off, size_t len, bool more, int64_t now) = v6 ? fragment6 : fragment4;
	bool (*is_whole)(size_t len) = v6 ? is_whole6 : is_whole4;
	const char *name = v6 ? "IPv6" : "IPv4";
	size_t last = v6 ? 65528 : 65512;

	memset(&frags, 0, sizeof(frags));
	ok(fragment(1, 0, 96, false, 1), "%s: one that is all passes", name);
	ok(!fragment(1, 0, 800, true, 1) && !fragment(1, 800, 800, true, 1), "%s: two wait", name);
	ok(fragment(1, 1600, 333, false, 1) && is_whole(1933), "%s: the last makes a whole", name);
	ok(!fragment(2, 1600, 333, false, 1) && !fragment(2, 800, 800, true, 1) && fragment(2, 0, 800, true, 1) && is_whole(1933),
	    "%s: backwards too", name);
	ok(!fragment(3, 0, 800, true, 1) && !fragment(4, 0, 800, true, 1) && fragment(3, 800, 8, false, 1) && is_whole(808) &&
		fragment(4, 800, 9, false, 1) && is_whole(809),
	    "%s: two datagrams at once", name);
	ok(!fragment(5, 0, 800, true, 1) && !fragment(5, 792, 800, true, 1) && !fragment(5, 1600, 8, false, 1),
	    "%s: overlapping ones are thrown away, with what came before", name);
	ok(!fragment(6, 0, 801, true, 1) && !fragment(6, 0, 0, true, 1), "%s: a length that cannot be joined, none at all", name);
	for (size_t off = 0; off < last; off += 4096)
		fragment(7, off, last - off < 4096 ? last - off : 4096, true, 1);
	ok(!fragment(7, last, 8, false, 1), "%s: beyond the largest datagram", name);
	ok(!fragment(8, 0, 800, true, 1) && !fragment(8, 800, 8, false, 1 + FRAGMENTS_MS + 1), "%s: too late", name);
	ok(!fragment(9, 800, 8, false, 1) && !fragment(9, 1600, 8, true, 1) && !fragment(9, 0, 800, true, 1), "%s: behind the end", name);
	ok(!fragment(10, 0, 8, true, 1) && !fragment(10, 16, 8, false, 1) && !fragment(10, 24, 8, false, 1) &&
		!fragment(10, 8, 8, true, 1),
	    "%s: two ends", name);
	memset(&frags, 0, sizeof(frags));
	for (uint8_t id = 1; id <= FRAGMENTS_AT_ONCE + 1; id++)
		fragment(id, 0, 800, true, id);
	ok(!fragment(1, 800, 8, false, 20), "%s: more at once than there is room for: the oldest is lost", name);
	ok(fragment(3, 800, 8, false, 20) && is_whole(808), "%s: the others are not", name);
}

static void
test_fragments6_bad(void)
{
	static uint8_t f[100];
	size_t len;

	memcpy(f + 12, "\x86\xdd\x60", 3);
	f[20] = 44;
	for (size_t size = 0; size <= 40; size++) {
		if (size == 32) /* right */
			continue;
		put_be16(f + 18, size);
		whole = f;
		len = FRAGMENTS_HEAD6 + (size < 9 ? 40 : size - 1);
		if (fragments_put(&frags, &whole, &len, 1))
			break;
	}
	ok(get_be16(f + 18) == 40, "IPv6: nothing that is shorter than it says, or without data");
	f[20] = 17;
	len = sizeof(f);
	ok(fragments_put(&frags, &whole, &len, 1) && whole == f, "IPv6: no fragment passes");
}

int
main(void)
{
	test_parse();
	test_sum();
	test_acks();
	test_fragments(false);
	test_fragments(true);
	test_fragments6_bad();
	return tap_done();
}
