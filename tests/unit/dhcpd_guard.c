/* SPDX-License-Identifier: ISC */
/* What the DHCP server does not fall for: messages that are none, floods, addresses that somebody has. */
/* links: vm-dhcpd/dhcp4.c vm-dhcpd/server.c vm-dhcpd/choose.c vm-dhcpd/compose.c vm-dhcpd/probe.c vm-dhcpd/message.c vm-dhcpd/answer.c vm-dhcpd/lease.c vm-dhcpd/journal.c vm-dhcpd/leaselog.c vm-dhcpd/record.c vm-dhcpd/event.c vm-dhcpd/link.c vm-dhcpd/ipv4.c vm-dhcpd/subnet.c vm-dhcpd/pool.c vm-dhcpd/setting.c vm-dhcpd/setting6.c vm-dhcpd/name.c vm-dhcpd/dname.c vm-dhcpd/pxe.c vm-dhcpd/nameserver.c */
#include "tests/unit/dhcpd_rig.h"

static struct rig r;
static struct ask a;

static void
test_hostile(void)
{
	rig_default(&r);
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	a.out.buf[2] = 16;
	ok(rig_ask(&r, &a) == 0, "a hardware address that is not Ethernet's");
	ask_begin(&a, DHCP_DISCOVER, 1);
	a.out.buf[28] |= 1;
	ok(rig_ask(&r, &a) == 0, "one of a group");
	ask_begin(&a, DHCP_DISCOVER, 0);
	memset(a.out.buf + 28, 0, 6);
	ok(rig_ask(&r, &a) == 0, "none");
	ask_begin(&a, DHCP_DISCOVER, 1);
	put8(&a.out, OPT_HOSTNAME);
	put8(&a.out, 200);
	ok(rig_ask(&r, &a) == 0, "an option that ends behind the message");
	ask_begin(&a, DHCP_OFFER, 1);
	ok(rig_ask(&r, &a) == 0, "an answer");
	ask_begin(&a, DHCP_DISCOVER, 1);
	a.out.buf[0] = 2;
	ok(rig_ask(&r, &a) == 0, "a reply");
	ask_begin(&a, DHCP_DISCOVER, 1);
	a.out.buf[239] = 0;
	ok(rig_ask(&r, &a) == 0, "BOOTP");
	rig_close(&r);
	rig_default(&r);
	rig_lease(&r, "none");
	rig_open(&r);
	is(rig_bind(&r, 1), "no offer", "no range, no address");
	rig_close(&r);
}

/* 250 strangers ask and do not come back; then 60 take what they are offered. */
static void
test_flood(void)
{
	rig_default(&r);
	rig_lease(&r, "10.0.0.10-10.0.0.59");
	rig_open(&r);
	for (unsigned i = 0; i < 250; i++) {
		ask_begin(&a, DHCP_DISCOVER, 1000 + i);
		rig_ask(&r, &a);
	}
	ok(!strncmp(rig_bind(&r, 1), "10.0.0.", 7), "offers that nobody takes are no leases");
	for (unsigned i = 2; i <= 47; i++)
		rig_bind(&r, i);
	is(rig_option(&r, OPT_LEASE_TIME), "0000012c", "when addresses run short, leases are");
	for (unsigned i = 48; i <= 50; i++)
		rig_bind(&r, i);
	is(rig_bind(&r, 51), "no offer", "who has a lease keeps it");
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_field(&a, 12, rig_bind(&r, 1));
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_LEASE_TIME), "00000e10", "and those who were there before renew them for as long as ever");
	rig_close(&r);
}

static void
test_arp(void)
{
	const struct station asker = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .addr.s_addr = inet_addr("10.0.0.7")};
	struct station host = {.addr.s_addr = inet_addr(RIG_HOST)};
	uint8_t frame[ARP_SIZE];

	rig_default(&r);
	rig_open(&r);
	arp_reply_frame(frame, &asker, &host);
	frame[21] = 1; /* a request */
	if (send(r.wire, frame, ARP_SIZE, 0) != ARP_SIZE)
		abort();
	ok(rig_answer(&r) == -1 && r.packet.kind == PACKET_ARP_REPLY && r.packet.src.s_addr == host.addr.s_addr,
	    "on a wire the server answers for its address: renewals are unicasts");
	host.addr.s_addr = inet_addr("10.0.0.2");
	arp_reply_frame(frame, &asker, &host);
	frame[21] = 1;
	if (send(r.wire, frame, ARP_SIZE, 0) != ARP_SIZE)
		abort();
	ok(rig_answer(&r) == 0, "and for no other");
	rig_close(&r);
}

/* The address is asked for first. An answer from somebody else than the client rules it out. */
static void
test_probe(void)
{
	struct station other = {.mac = {0x52, 0x54, 0, 0, 9, 9}}, host = {.addr.s_addr = inet_addr(RIG_HOST)};
	uint8_t frame[ARP_SIZE];
	struct in_addr asked;

	rig_default(&r);
	rig_lease(&r, "10.0.0.10-10.0.0.11");
	rig_set(&r, "probe=50");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ok(rig_ask(&r, &a) == -1 && r.packet.kind == PACKET_ARP_REQUEST && !r.packet.src.s_addr, "an ARP probe before the offer");
	asked = other.addr = r.packet.dst;
	ask_begin(&a, DHCP_DISCOVER, 1);
	ok(rig_ask(&r, &a) == 0, "an impatient client is not asked for twice");
	arp_reply_frame(frame, &other, &host);
	if (send(r.wire, frame, ARP_SIZE, 0) != ARP_SIZE)
		abort();
	ok(rig_answer(&r) == -1 && r.packet.kind == PACKET_ARP_REQUEST && r.packet.dst.s_addr != asked.s_addr,
	    "somebody has it: another is asked for");
	loop_once(&r.d.loop, 5000);
	ok(rig_answer(&r) == DHCP_OFFER && strcmp(rig_field(&r, 16), inet_ntoa(asked)), "and offered when nobody answers");
	is(rig_bind(&r, 1), rig_field(&r, 16), "now without a question");
	rig_close(&r);
	rig_default(&r);
	rig_set(&r, "probe=50");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	rig_ask(&r, &a);
	other.mac[4] = 0;
	other.mac[5] = 1;
	asked = other.addr = r.packet.dst;
	arp_reply_frame(frame, &other, &host);
	if (send(r.wire, frame, ARP_SIZE, 0) != ARP_SIZE)
		abort();
	ok(rig_answer(&r) == 0, "the client itself may answer: it has kept the address");
	loop_once(&r.d.loop, 5000);
	ok(rig_answer(&r) == DHCP_OFFER && !strcmp(rig_field(&r, 16), inet_ntoa(asked)), "which it is offered");
	ask_begin(&a, DHCP_DISCOVER, 2);
	ask_field(&a, 24, "10.0.0.5");
	rig_ask_from(&r, &a, "10.0.0.5", RIG_HOST);
	ok(r.packet.kind == PACKET_OTHER && r.frame[23] == IPPROTO_ICMP && !memcmp(r.frame, "\x52\x54\x00\x00\x00\x02", 6),
	    "a relay's network is asked by ping, through the relay");
	rig_close(&r);
}

int
main(void)
{
	rig_begin();
	test_hostile();
	test_flood();
	test_arp();
	test_probe();
	return tap_done();
}
