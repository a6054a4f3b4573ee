/* SPDX-License-Identifier: ISC */
/* Frames of IPv4, UDP, ARP and ICMP: checksums, and what is no packet for us. */
/* links: vm-dhcpd/ipv4.c */
#include <arpa/inet.h>

#include "common/bytes.h"
#include "tests/unit/tap.h"
#include "vm-dhcpd/ipv4.h"

static const struct station host = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .addr.s_addr = 0x0100000a};
static const struct station guest = {.mac = {0x52, 0x54, 0, 0, 0, 2}, .addr.s_addr = 0x0900000a};
static uint8_t frame[1514];
static struct packet p;

/* By the letter of RFC 1071. */
static unsigned
sum(const uint8_t *b, size_t len, unsigned start)
{
	unsigned s = start;

	for (size_t i = 0; i < len; i += 2)
		s += (unsigned)b[i] << 8 | (i + 1 < len ? b[i + 1] : 0);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static size_t
make(size_t len)
{
	for (size_t i = 0; i < len; i++)
		frame[IPV4_HEAD + i] = (uint8_t)(i * 7 + len);
	return udp_frame(frame, len, &host, &guest, 67, 68);
}

static void
test_udp(void)
{
	unsigned wrong = 0;

	for (size_t len = 0; len < 700; len++) {
		wrong += make(len) != IPV4_HEAD + len;
		wrong += sum(frame + 14, 20, 0) != 0xffff;
		wrong += sum(frame + 26, 8 + 8 + len, 17 + 8 + (unsigned)len) != 0xffff || !get_be16(frame + 40);
		packet_parse(&p, frame, IPV4_HEAD + len);
		wrong += p.kind != PACKET_UDP || p.len != len || p.data != frame + IPV4_HEAD || p.sport != 67 || p.dport != 68;
	}
	ok(!wrong, "datagrams of every length have good checksums, and are read back (%u wrong)", wrong);
	ok(p.src.s_addr == host.addr.s_addr && p.dst.s_addr == guest.addr.s_addr && !memcmp(p.mac, host.mac, 6), "with their addresses");
	/* A datagram whose sum is zero: two bytes that make it so. */
	make(2);
	put_be16(frame + IPV4_HEAD, 0);
	put_be16(frame + 40, 0);
	put_be16(frame + IPV4_HEAD, 0xffff - sum(frame + 26, 8 + 8, 17 + 8 + 2));
	udp_frame(frame, 2, &host, &guest, 67, 68);
	ok(get_be16(frame + 40) == 0xffff, "a sum of zero is sent as its other form: zero means none");
	packet_parse(&p, frame, IPV4_HEAD + 10);
	ok(p.len == 2, "what an Ethernet pads is no data");
}

static enum packet_kind
kind_with(size_t at, unsigned value, size_t len)
{
	make(100);
	frame[at] = (uint8_t)value;
	put_be16(frame + 24, 0);
	put_be16(frame + 24, 0xffff & ~sum(frame + 14, 20, 0));
	packet_parse(&p, frame, len);
	return p.kind;
}

static void
test_bad(void)
{
	ok(kind_with(100, 1, IPV4_HEAD + 100) == PACKET_UDP, "a datagram");
	ok(kind_with(14, 0x65, IPV4_HEAD + 100) == PACKET_OTHER, "of another version");
	ok(kind_with(14, 0x44, IPV4_HEAD + 100) == PACKET_OTHER, "with a header that is too short");
	ok(kind_with(14, 0x4f, 14 + 40) == PACKET_OTHER, "with one that ends behind the frame");
	ok(kind_with(16, 9, IPV4_HEAD + 100) == PACKET_OTHER, "with a length beyond the frame");
	ok(kind_with(20, 0x20, IPV4_HEAD + 100) == PACKET_OTHER, "a first fragment");
	ok(kind_with(21, 0x01, IPV4_HEAD + 100) == PACKET_OTHER, "a later one");
	ok(kind_with(23, 6, IPV4_HEAD + 100) == PACKET_OTHER, "of TCP");
	ok(kind_with(38, 9, IPV4_HEAD + 100) == PACKET_OTHER, "with a length of UDP's beyond the packet");
	make(100);
	put_be16(frame + 38, 7);
	packet_parse(&p, frame, IPV4_HEAD + 100);
	ok(p.kind == PACKET_OTHER, "with one below its header");
	make(100);
	frame[24] ^= 1;
	packet_parse(&p, frame, IPV4_HEAD + 100);
	ok(p.kind == PACKET_OTHER, "with a bad checksum of the header");
	for (size_t len = 0; len < IPV4_HEAD + 100; len++) {
		make(100);
		packet_parse(&p, frame, len);
		if (p.kind != PACKET_OTHER) {
			ok(false, "cut off at %zu", len);
			return;
		}
	}
	ok(true, "cut off anywhere");
}

static void
test_arp_and_echo(void)
{
	ok(arp_probe_frame(frame, host.mac, guest.addr) == ARP_SIZE, "a probe");
	packet_parse(&p, frame, ARP_SIZE);
	ok(p.kind == PACKET_ARP_REQUEST && !p.src.s_addr && p.dst.s_addr == guest.addr.s_addr, "of nobody's, for the address");
	ok(!memcmp(frame, "\xff\xff\xff\xff\xff\xff", 6) && !memcmp(frame + 22, host.mac, 6), "to all, from our MAC");
	arp_reply_frame(frame, &host, &guest);
	packet_parse(&p, frame, ARP_SIZE);
	ok(p.kind == PACKET_ARP_REPLY && p.src.s_addr == host.addr.s_addr && !memcmp(frame, guest.mac, 6), "a reply");
	frame[18] = 5;
	packet_parse(&p, frame, ARP_SIZE);
	ok(p.kind == PACKET_OTHER, "of addresses of another length");
	ok(echo_frame(frame, &host, &guest, 0x1234) == ECHO_SIZE && sum(frame + 34, 8, 0) == 0xffff, "a ping");
	frame[34] = 0;
	packet_parse(&p, frame, ECHO_SIZE);
	ok(p.kind == PACKET_ECHO_REPLY && p.dport == 0x1234, "and its answer");
}

int
main(void)
{
	test_udp();
	test_bad();
	test_arp_and_echo();
	return tap_done();
}
