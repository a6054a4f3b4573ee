/* links: vm-slirp/large.c vm-slirp/mss.c */
/* SPDX-License-Identifier: ISC */
/* Large frames between libslirp and the guest: sizes raised and kept, segments handed on whole or cut, datagrams cut. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/cable_form.h"
#include "common/iov.h"
#include "tests/unit/tap.h"
#include "vm-slirp/large.h"

#define MTU 1500
#define VLAN 4

/* What went to the guest. */
static struct {
	struct offload facts;
	uint8_t bytes[65600];
	size_t len;
} sent[64];
static unsigned nsent;

static void
keep(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	(void)c;
	sent[nsent % 64].facts = *facts;
	sent[nsent % 64].len = iov_read(frame, 2, 0, sent[nsent % 64].bytes, sizeof(sent[0].bytes));
	nsent++;
}

static const struct cable_ops ops = {.send = keep};
static struct cable cable;
static struct large large;

static void
begin(unsigned takes)
{
	nsent = 0;
	cable = (struct cable){.ops = &ops, .frame_max = MTU + CABLE_HEADER, .takes = takes};
	large.cable = &cable;
	mss_init(&large.mss, MTU);
}

/* The sum over TCP or UDP and their pseudo header: 0xffff is right. */
static uint16_t
l4_sum(const uint8_t *f, size_t len, bool v6)
{
	size_t l4 = v6 ? 54 : 34, addresses = v6 ? 22 : 26;
	uint8_t rest[4] = {0, v6 ? f[20] : f[23], (uint8_t)((len - l4) >> 8), (uint8_t)(len - l4)};

	return segment_fold(segment_sum(f + l4, len - l4, segment_sum(f + addresses, l4 - addresses, segment_sum(rest, 4, 0))));
}

/* A segment with good checksums: `options` bytes of options, which are zero, and `len` bytes of a count. */
static size_t
tcp(uint8_t *f, bool v6, bool from_guest, uint8_t flags, size_t options, size_t len)
{
	size_t l4 = v6 ? 54 : 34, end = l4 + 20 + options + len;
	struct segment s = {.ip = 14, .tcp = l4, .data = l4 + 20 + options, .v6 = v6};
	uint16_t sum;

	memset(f, 0, l4 + 20 + options);
	memcpy(f, "\1\2\3\4\5\6\6\5\4\3\2\1\x08\0\x45", 15);
	if (v6) {
		memcpy(f + 12, "\x86\xdd\x60", 3);
		f[20] = 6;
		f[from_guest ? 37 : 53] = 15;
		f[from_guest ? 53 : 37] = 2;
	} else {
		f[18] = 0x12;
		f[19] = 0xff; /* the identification: the next one carries */
		f[20] = 0x40; /* don't fragment */
		f[23] = 6;
		f[from_guest ? 29 : 33] = 15;
		f[from_guest ? 33 : 29] = 2;
	}
	f[l4 + (from_guest ? 1 : 3)] = 77;
	f[l4 + (from_guest ? 3 : 1)] = 80;
	memcpy(f + l4 + 4, "\xff\xff\xff\xf0\1\2\3\4", 8);
	f[l4 + 12] = (uint8_t)((20 + options) / 4 << 4);
	f[l4 + 13] = flags;
	for (size_t i = 0; i < len; i++)
		f[s.data + i] = (uint8_t)(i * 7 + (i >> 8));
	segment_set_len(f, &s, len);
	sum = (uint16_t)~l4_sum(f, end, v6);
	memcpy(f + l4 + 16, &sum, 2);
	return end;
}

/* A SYN whose option stands behind `nops` others. */
static size_t
syn(uint8_t *f, bool v6, bool from_guest, unsigned nops, unsigned mss)
{
	size_t len = tcp(f, v6, from_guest, SEGMENT_SYN, 12, 0), at = v6 ? 74 : 54, csum = v6 ? 70 : 50;
	uint16_t sum;

	memset(f + at, 1, nops);
	memcpy(f + at + nops, "\2\4", 2);
	put_be16(f + at + nops + 2, mss);
	memset(f + csum, 0, 2);
	sum = (uint16_t)~l4_sum(f, len, v6);
	memcpy(f + csum, &sum, 2);
	return len;
}

static unsigned
option(const uint8_t *f, bool v6, unsigned nops)
{
	return get_be16(f + (v6 ? 74 : 54) + nops + 2);
}

static void
test_mss(bool v6)
{
	const char *name = v6 ? "IPv6" : "IPv4";
	unsigned most = v6 ? 1440 : 1460;
	uint8_t f[4000];
	struct segment s;
	size_t len;

	begin(0);
	for (unsigned nops = 0; nops < 4; nops++) {
		len = syn(f, v6, true, nops, 1360);
		large_take(&large, f, len);
		ok(option(f, v6, nops) == 24 * 1360 && l4_sum(f, len, v6) == 0xffff, "%s: raised behind %u others, sum right", name, nops);
	}
	len = tcp(f, v6, false, SEGMENT_ACK, 0, 3000);
	segment_parse(&s, f, len);
	ok(mss_of(&large.mss, f, &s) == 1360, "%s: and kept for its connection", name);
	f[s.tcp]++;
	ok(mss_of(&large.mss, f, &s) == 1360, "%s: one that is not known gets the least", name);
	len = syn(f, v6, true, 0, 65000);
	large_take(&large, f, len);
	tcp(f, v6, false, SEGMENT_ACK, 0, 3000);
	ok(mss_of(&large.mss, f, &s) == most, "%s: never more than the MTU allows", name);
	len = syn(f, v6, false, 1, 65000);
	large_put(&large, f, len);
	ok(nsent == 1 && option(sent[0].bytes, v6, 1) == most && l4_sum(sent[0].bytes, len, v6) == 0xffff,
	    "%s: what libslirp wants is bounded", name);
	len = syn(f, v6, false, 1, 1000);
	large_put(&large, f, len);
	ok(option(sent[1].bytes, v6, 1) == 1000, "%s: less stays", name);
	large_take(&large, f, syn(f, v6, true, 0, 1));
	segment_parse(&s, f, tcp(f, v6, false, SEGMENT_ACK, 0, 3000));
	ok(mss_of(&large.mss, f, &s) == 32, "%s: a guest that says one byte gets more", name);
}

static void
test_mss_hostile(void)
{
	static const uint8_t bad[][12] = {
	    {2}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4}, {3, 0, 2, 4, 5, 6}, {0, 2, 4, 5, 6}, {5, 255, 2, 4, 5, 6}, {2, 3, 9},
	};
	uint8_t f[200], was[200];
	size_t len;

	memset(f, 0x55, sizeof(f));
	begin(0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		len = tcp(f, false, true, SEGMENT_SYN, 12, 0);
		memcpy(f + 54, bad[i], 12);
		memcpy(was, f, len);
		large_take(&large, f, len);
		ok(!memcmp(f, was, len), "options that make no sense stay: %zu", i);
	}
	len = syn(f, false, true, 0, 100);
	f[47] = SEGMENT_ACK;
	memcpy(was, f, len);
	large_take(&large, f, len);
	ok(!memcmp(f, was, len), "only a SYN has a size");
	memmove(f + 12 + VLAN, f + 12, len - 12);
	memcpy(f + 12, "\x81\0\0\5", 4);
	large_take(&large, f, len + VLAN);
	ok(f[12] == 0x81 && large.mss.least == 0, "and none that is tagged: libslirp knows no VLANs");
}

static void
test_whole(bool v6)
{
	static uint8_t f[40000];
	size_t head = v6 ? 74 : 54, len = tcp(f, v6, false, SEGMENT_ACK | SEGMENT_PSH, 0, 32000);
	const struct offload *h = &sent[0].facts;
	const char *name = v6 ? "IPv6" : "IPv4";
	uint16_t sum;

	begin(OFFLOAD_ALL);
	large_put(&large, f, len);
	ok(nsent == 1 && sent[0].len == len && !memcmp(sent[0].bytes + head, f + head, 32000), "%s: whole", name);
	ok(h->flags == OFFLOAD_F_NEEDS_CSUM && h->gso_size == (v6 ? 1440 : 1460) && h->hdr_len == head &&
		h->gso_type == (v6 ? OFFLOAD_GSO_TCPV6 : OFFLOAD_GSO_TCPV4),
	    "%s: with the facts", name);
	ok(offload_fits(h, len, OFFLOAD_ALL) && offload_plain(h, sent[0].bytes, len), "%s: which a driver can take", name);
	offload_finish(h, sent[0].bytes, len);
	sum = l4_sum(sent[0].bytes, len, v6);
	ok(sum == 0xffff, "%s: its checksum, finished, is right", name);
	len = tcp(f, v6, false, SEGMENT_ACK, 0, 1000);
	large_put(&large, f, len);
	ok(nsent == 2 && sent[1].facts.flags == OFFLOAD_F_DATA_VALID && !sent[1].facts.gso_type &&
		!memcmp(sent[1].bytes, f, len),
	    "%s: a small one stays as it is", name);
	begin(OFFLOAD_CSUM | (v6 ? OFFLOAD_TSO4 : OFFLOAD_TSO6));
	large_put(&large, f, tcp(f, v6, false, SEGMENT_ACK, 0, 3000));
	ok(nsent == 3 && !sent[0].facts.gso_type, "%s: cut for a guest that takes only the other family's", name);
}

static void
test_cut(bool v6)
{
	uint8_t flags = SEGMENT_CWR | SEGMENT_ACK | SEGMENT_PSH | SEGMENT_FIN;
	static uint8_t f[10000];
	size_t mss = v6 ? 1428 : 1448, head = v6 ? 86 : 66, len = tcp(f, v6, false, flags, 12, 3 * mss + 100), at = 0;
	const char *name = v6 ? "IPv6" : "IPv4";
	bool good = true;
	struct segment s;

	begin(0);
	large_put(&large, f, len);
	ok(nsent == 4, "%s: cut in four", name);
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *p = sent[i].bytes;

		good = good && segment_parse(&s, p, sent[i].len) && s.data + s.len == sent[i].len && s.len <= mss &&
		       s.seq == 0xfffffff0 + (uint32_t)at && !memcmp(p + head, f + head + at, s.len) &&
		       l4_sum(p, sent[i].len, v6) == 0xffff && !sent[i].facts.flags &&
		       (v6 || (segment_fold(segment_sum(p + 14, 20, 0)) == 0xffff && get_be16(p + 18) == 0x12ff + i));
		at += s.len;
		good = good && s.flags == (SEGMENT_ACK | (i == 0 ? SEGMENT_CWR : 0) |
					      (i == 3 ? SEGMENT_PSH | SEGMENT_FIN : 0));
	}
	ok(good && at == 3 * mss + 100, "%s: each a segment of its own, flags where they belong, sums right", name);
}

static void
test_fragments(void)
{
	static uint8_t f[66000];
	size_t data = 65515 - 7, at = 0;
	bool good = true;

	memset(f, 0, 34);
	memcpy(f, "\1\2\3\4\5\6\6\5\4\3\2\1\x08\0\x45", 15);
	put_be16(f + 16, 20 + data);
	f[23] = 17;
	for (size_t i = 0; i < data; i++)
		f[34 + i] = (uint8_t)(i * 3 + (i >> 8));
	begin(0);
	large_put(&large, f, 34 + data);
	for (unsigned i = 0; i < nsent; i++) {
		const uint8_t *p = sent[i].bytes;
		size_t part = sent[i].len - 34;

		good = good && sent[i].len <= 14 + MTU && get_be16(p + 16) == 20 + part && (get_be16(p + 20) & 0x1fff) == at / 8 &&
		       !(p[20] & 0x20) == (i == nsent - 1) && segment_fold(segment_sum(p + 14, 20, 0)) == 0xffff &&
		       !memcmp(p + 34, f + 34 + at, part);
		at += part;
	}
	ok(nsent == 45 && good && at == data, "a datagram of 64 KiB in %u fragments", nsent);
	begin(0);
	f[20] = 0x20;
	f[21] = 10;
	put_be16(f + 16, 20 + 3000);
	large_put(&large, f, 34 + 3000);
	ok(nsent == 3 && (sent[2].bytes[20] & 0x20) && get_be16(sent[2].bytes + 20) == (0x2000 | (10 + 2 * 185)),
	    "a fragment in fragments: the last of them is not the last");
	begin(0);
	f[20] = 0x40;
	large_put(&large, f, 34 + 3000);
	f[20] = 0;
	f[14] = 0x46;
	large_put(&large, f, 34 + 3000);
	f[14] = 0x45;
	put_be16(f + 16, 20 + 3001);
	large_put(&large, f, 34 + 3000);
	put_be16(f + 16, 19);
	large_put(&large, f, 34 + 3000);
	f[12] = 0x86;
	large_put(&large, f, 34 + 3000);
	ok(nsent == 0, "not what may not be cut, has options, lies about its length or is no IPv4");
}

static void
test_fragments6(void)
{
	static uint8_t f[66000];
	size_t data = 65467, at = 0;
	bool good = true;

	memset(f, 0, 54);
	memcpy(f, "\1\2\3\4\5\6\6\5\4\3\2\1\x86\xdd\x60", 15);
	put_be16(f + 18, data);
	f[20] = 17;
	for (size_t i = 0; i < data; i++)
		f[54 + i] = (uint8_t)(i * 3 + (i >> 8));
	begin(0);
	large_put(&large, f, 54 + data);
	for (unsigned i = 0; i < nsent; i++) {
		const uint8_t *p = sent[i].bytes;
		size_t part = sent[i].len - 62;

		good = good && sent[i].len <= 14 + MTU && get_be16(p + 18) == 8 + part && p[20] == 44 && p[54] == 17 && !p[55] &&
		       get_be16(p + 56) == (at | (i < nsent - 1)) && get_be32(p + 58) == get_be32(sent[0].bytes + 58) &&
		       !memcmp(p + 62, f + 54 + at, part);
		at += part;
	}
	ok(nsent == 46 && good && at == data, "IPv6: a datagram of 64 KiB in %u fragments", nsent);
	put_be16(f + 18, 3000);
	large_put(&large, f, 54 + 3000);
	ok(nsent == 49 && get_be32(sent[48].bytes + 58) == get_be32(sent[0].bytes + 58) + 1, "IPv6: the next has another identification");
	begin(0);
	f[20] = 58;
	large_put(&large, f, 54 + 3000);
	ok(nsent == 3 && sent[2].bytes[54] == 58, "IPv6: a large ping too");
	begin(0);
	f[20] = 44;
	large_put(&large, f, 54 + 3000);
	f[20] = 17;
	put_be16(f + 18, 3001);
	large_put(&large, f, 54 + 3000);
	put_be16(f + 18, 3000);
	f[14] = 0x45;
	large_put(&large, f, 54 + 3000);
	ok(nsent == 0, "IPv6: not what has other headers, lies about its length or is no IPv6");
}

static void
test_take(void)
{
	static uint8_t f[66000];
	size_t len = tcp(f, false, true, SEGMENT_ACK, 0, 65000);
	struct segment s;

	begin(0);
	segment_parse(&s, f, len);
	offload_large(&cable.facts, f, &s, s.len, 1460);
	ok(l4_sum(f, len, false) != 0xffff, "a checksum to be finished");
	large_take(&large, f, len);
	ok(l4_sum(f, len, false) == 0xffff, "is, over 64 KiB");
	cable.facts.flags = 0;
	f[50] ^= 1;
	large_take(&large, f, len);
	ok(l4_sum(f, len, false) != 0xffff, "but not one that was only wrong");
}

static void
test_facts(void)
{
	static const struct {
		struct offload h;
		unsigned takes;
		bool fits;
		const char *what;
	} cases[] = {
	    {{0}, 0, true, "no facts"},
	    {{.flags = OFFLOAD_F_DATA_VALID}, 0, true, "a checksum that was checked"},
	    {{.flags = 1, .csum_start = 34, .csum_offset = 16}, OFFLOAD_CSUM, true, "one to be finished"},
	    {{.flags = 1, .csum_start = 34, .csum_offset = 16}, OFFLOAD_TSO4, false, "for nobody who would"},
	    {{.flags = 1, .csum_start = 82, .csum_offset = 16}, OFFLOAD_CSUM, true, "in the last bytes"},
	    {{.flags = 1, .csum_start = 83, .csum_offset = 16}, OFFLOAD_CSUM, false, "beyond them"},
	    {{.flags = 1, .csum_start = 65535, .csum_offset = 65535}, OFFLOAD_CSUM, false, "far beyond"},
	    {{.flags = 1, .gso_type = 1, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_ALL, true, "TCP, IPv4"},
	    {{.flags = 1, .gso_type = 4, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_ALL, true, "TCP, IPv6"},
	    {{.flags = 1, .gso_type = 0x81, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_ALL, true, "with ECN"},
	    {{.flags = 1, .gso_type = 0x81, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_CSUM | OFFLOAD_TSO4,
		false, "ECN for nobody who knows it"},
	    {{.flags = 1, .gso_type = 0x80, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_ALL, false, "ECN of nothing"},
	    {{.flags = 1, .gso_type = 3, .gso_size = 10, .csum_start = 34, .csum_offset = 6}, OFFLOAD_ALL, false, "UDP"},
	    {{.flags = 1, .gso_type = 5, .gso_size = 10, .csum_start = 34, .csum_offset = 6}, OFFLOAD_ALL, false, "UDP, the new kind"},
	    {{.flags = 1, .gso_type = 1, .csum_start = 34, .csum_offset = 16}, OFFLOAD_ALL, false, "cut into nothing"},
	    {{.gso_type = 1, .gso_size = 10}, OFFLOAD_ALL, false, "segments without a checksum to finish"},
	    {{.flags = 1, .gso_type = 4, .gso_size = 10, .csum_start = 34, .csum_offset = 16}, OFFLOAD_CSUM | OFFLOAD_TSO4, false,
		"the other family's"},
	};
	struct offload h;
	struct segment s;
	uint8_t f[4000];
	size_t len;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ok(offload_fits(&cases[i].h, 100, cases[i].takes) == cases[i].fits, "%s: %s", cases[i].what,
		    cases[i].fits ? "taken" : "refused");
	len = tcp(f, false, false, SEGMENT_ACK, 0, 3000);
	segment_parse(&s, f, len);
	offload_large(&h, f, &s, 3000, 1000);
	ok(offload_plain(&h, f, len), "a driver is handed plain segments");
	h.csum_offset = 6;
	ok(!offload_plain(&h, f, len), "not a checksum at another place");
	h.csum_offset = 16;
	h.csum_start = 33;
	ok(!offload_plain(&h, f, len), "nor over other bytes");
	h.csum_start = 34;
	h.hdr_len = 55;
	ok(!offload_plain(&h, f, len), "nor a header that reaches into the data");
	h.hdr_len = 54;
	h.gso_type = OFFLOAD_GSO_TCPV6;
	ok(!offload_plain(&h, f, len), "nor one of the other family");
	h.gso_type = OFFLOAD_GSO_TCPV4;
	f[23] = 17;
	ok(!offload_plain(&h, f, len), "nor what is no TCP");
	memcpy(f, (const uint8_t[]){[23] = 0}, 24);
	h = (struct offload){.flags = 1, .csum_start = 34, .csum_offset = 6};
	memset(f, 0, 100);
	memcpy(f + 34, "\xff\xff", 2);
	offload_finish(&h, f, 100);
	ok(f[40] == 0xff && f[41] == 0xff, "a checksum of UDP is never 0");
}

int
main(void)
{
	test_mss(false);
	test_mss(true);
	test_mss_hostile();
	test_whole(false);
	test_whole(true);
	test_cut(false);
	test_cut(true);
	test_fragments();
	test_fragments6();
	test_take();
	test_facts();
	return tap_done();
}
