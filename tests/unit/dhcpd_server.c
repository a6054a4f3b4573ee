/* SPDX-License-Identifier: ISC */
/* What the DHCP server says to whom: RFC 2131, case by case. */
/* links: vm-dhcpd/dhcp4.c vm-dhcpd/server.c vm-dhcpd/choose.c vm-dhcpd/compose.c vm-dhcpd/probe.c vm-dhcpd/message.c vm-dhcpd/answer.c vm-dhcpd/lease.c vm-dhcpd/journal.c vm-dhcpd/leaselog.c vm-dhcpd/record.c vm-dhcpd/event.c vm-dhcpd/link.c vm-dhcpd/ipv4.c vm-dhcpd/subnet.c vm-dhcpd/pool.c vm-dhcpd/setting.c vm-dhcpd/setting6.c vm-dhcpd/name.c vm-dhcpd/dname.c vm-dhcpd/pxe.c vm-dhcpd/nameserver.c */
#include "tests/unit/dhcpd_rig.h"

static struct rig r;
static struct ask a;

static void
test_four_steps(void)
{
	char first[INET_ADDRSTRLEN];

	rig_default(&r);
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_PARAMETERS, "\x03\x06\x01\x1c\x03\x1a", 6);
	ok(rig_ask(&r, &a) == DHCP_OFFER, "a DISCOVER is answered by an OFFER");
	strcpy(first, rig_field(&r, 16));
	is(rig_option(&r, OPT_SERVER), "0a000001", "it names the server");
	is(rig_option(&r, OPT_LEASE_TIME), "00000e10", "an hour");
	is(rig_option(&r, OPT_T1), "00000708", "half of it up to T1");
	is(rig_option(&r, OPT_T2), "00000c4e", "seven eighths up to T2");
	is(rig_option(&r, OPT_MASK), "ffffff00", "the mask");
	is(rig_option(&r, OPT_ROUTER), "0a000001", "the router is this host");
	is(rig_option(&r, OPT_BROADCAST), "0a0000ff", "the broadcast address");
	is(rig_option(&r, OPT_MTU), "none", "an MTU that is as usual is not told");
	ok(r.packet.dport == 68 && r.packet.sport == 67, "from port 67 to port 68");
	ok(!memcmp(r.frame, "\x52\x54\x00\x00\x00\x01", 6) && !memcmp(&r.packet.dst, r.packet.data + 16, 4),
	    "to the client itself, which does not ask for broadcasts");
	ok(r.packet.len == 300, "as long as BOOTP's");
	is(rig_bind(&r, 1), first, "the same address for the REQUEST");
	is(rig_bind(&r, 1), first, "and when it starts again");
	ok(strcmp(rig_bind(&r, 2), first), "another client has another");
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_field(&a, 12, first);
	ok(rig_ask_from(&r, &a, first, RIG_HOST) == DHCP_ACK, "a renewal is granted");
	is(rig_field(&r, 16), first, "for its address");
	rig_close(&r);
	rig_default(&r);
	rig_open(&r);
	is(rig_bind(&r, 1), first, "the same address from a server that remembers nothing");
	rig_close(&r);
}

static void
test_broadcast(void)
{
	rig_default(&r);
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	a.out.buf[10] = 0x80;
	ok(rig_ask(&r, &a) == DHCP_OFFER && r.packet.dst.s_addr == INADDR_BROADCAST, "who cannot take unicasts gets a broadcast");
	ok(!memcmp(r.frame, "\xff\xff\xff\xff\xff\xff", 6) && r.packet.data[10] == 0x80, "on the link too, with the flag as it came");
	rig_close(&r);
}

/* The same client identifier, as guests cloned from one image have it. */
static const char *
bind_id(unsigned mac, const char *id)
{
	static char address[INET_ADDRSTRLEN];

	ask_begin(&a, DHCP_DISCOVER, mac);
	ask_bytes(&a, OPT_CLIENT_ID, id, strlen(id));
	if (rig_ask(&r, &a) != DHCP_OFFER)
		return "no offer";
	strcpy(address, rig_field(&r, 16));
	ask_begin(&a, DHCP_REQUEST, mac);
	ask_bytes(&a, OPT_CLIENT_ID, id, strlen(id));
	ask_address(&a, OPT_REQUESTED, address);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	return rig_ask(&r, &a) == DHCP_ACK ? address : "no acknowledgement";
}

static void
test_clones(void)
{
	char first[INET_ADDRSTRLEN];

	rig_default(&r);
	rig_open(&r);
	strcpy(first, bind_id(1, "clone"));
	is(rig_option(&r, OPT_CLIENT_ID), "636c6f6e65", "the client identifier comes back (RFC 6842)");
	ok(strcmp(bind_id(2, "clone"), first), "clones have addresses of their own");
	rig_close(&r);
	rig_default(&r);
	rig_set(&r, "key=id");
	rig_open(&r);
	strcpy(first, bind_id(1, "one guest"));
	is(bind_id(2, "one guest"), first, "with key=id a guest keeps its address with another card");
	ok(strcmp(bind_id(3, "another"), first), "and another has another");
	rig_close(&r);
}

static void
test_own_addresses(void)
{
	rig_default(&r);
	rig_lease(&r, "52:54:00:00:00:07=10.0.0.77,seven");
	rig_lease(&r, "db=10.0.0.78");
	rig_lease(&r, "id:0a0b=10.0.0.79");
	rig_lease(&r, "10.0.0.10-10.0.0.11");
	rig_open(&r);
	is(rig_bind(&r, 7), "10.0.0.77", "an address for a MAC");
	ask_begin(&a, DHCP_REQUEST, 7);
	ask_field(&a, 12, "10.0.0.77");
	ask_bytes(&a, OPT_PARAMETERS, "\x0c", 1);
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_HOSTNAME), "736576656e", "and the name with it");
	is(bind_id(8, "\x0a\x0b"), "10.0.0.79", "an address for a client identifier");
	ask_begin(&a, DHCP_DISCOVER, 9);
	ask_bytes(&a, OPT_HOSTNAME, "DB.example.org", 14);
	rig_ask(&r, &a);
	is(rig_field(&r, 16), "10.0.0.78", "an address for a name, in any case and with any domain");
	is(rig_bind(&r, 1) + 7, strcmp(rig_bind(&r, 1), "10.0.0.10") ? "11" : "10", "others have the range");
	ok(!strcmp(rig_bind(&r, 2), strcmp(rig_bind(&r, 1), "10.0.0.10") ? "10.0.0.10" : "10.0.0.11"), "all of it");
	is(rig_bind(&r, 3), "no offer", "and no more: an address that is set aside is nobody else's");
	ask_begin(&a, DHCP_REQUEST, 3);
	ask_address(&a, OPT_REQUESTED, "10.0.0.78");
	ok(rig_ask(&r, &a) == DHCP_NAK, "not by asking for it either");
	rig_close(&r);
	rig_default(&r);
	rig_lease(&r, "10.0.0.10-10.0.0.11");
	rig_lease(&r, "52:54:00:00:00:07=10.0.0.10");
	rig_open(&r);
	is(rig_bind(&r, 1), "10.0.0.11", "nor one in the range");
	is(rig_bind(&r, 2), "no offer", "even when it is the last");
	rig_close(&r);
}

static void
test_nak(void)
{
	static const struct {
		const char *ciaddr, *requested;
		int want;
		const char *what;
	} cases[] = {
	    {NULL, "192.168.1.5", DHCP_NAK, "INIT-REBOOT with an address of another network"},
	    {NULL, "10.0.0.255", DHCP_NAK, "with the broadcast address"},
	    {NULL, "10.0.0.1", DHCP_NAK, "with the server's own"},
	    {NULL, "10.0.0.9", DHCP_NAK, "with one outside of the range"},
	    {"192.168.1.5", NULL, DHCP_NAK, "a renewal of an address of another network"},
	    {NULL, "10.0.0.20", DHCP_ACK, "INIT-REBOOT with an address that is free, of a client nobody remembers"},
	    {NULL, "10.0.0.21", DHCP_NAK, "INIT-REBOOT with another than its own"},
	    {NULL, "10.0.0.20", DHCP_ACK, "with its own"},
	    {"10.0.0.20", NULL, DHCP_ACK, "a renewal of its own"},
	    {NULL, NULL, 0, "a REQUEST for nothing"},
	};

	rig_default(&r);
	rig_lease(&r, "10.0.0.10-10.0.0.29");
	rig_open(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ask_begin(&a, DHCP_REQUEST, 1);
		if (cases[i].ciaddr)
			ask_field(&a, 12, cases[i].ciaddr);
		if (cases[i].requested)
			ask_address(&a, OPT_REQUESTED, cases[i].requested);
		ok(rig_ask(&r, &a) == cases[i].want, "%s", cases[i].what);
		if (cases[i].want == DHCP_NAK)
			ok(r.packet.dst.s_addr == INADDR_BROADCAST && !strcmp(rig_field(&r, 16), "0.0.0.0"), "a broadcast with no address");
	}
	ask_begin(&a, DHCP_REQUEST, 2);
	ask_address(&a, OPT_REQUESTED, "10.0.0.20");
	ok(rig_ask(&r, &a) == DHCP_NAK, "an address that another has");
	rig_close(&r);
	rig_default(&r);
	rig_set(&r, "nak=no");
	rig_open(&r);
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_address(&a, OPT_REQUESTED, "192.168.1.5");
	ok(rig_ask(&r, &a) == 0, "nak=no: silence");
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_address(&a, OPT_REQUESTED, "10.0.0.20");
	ok(rig_ask(&r, &a) == 0, "about clients it does not know above all");
	rig_bind(&r, 2);
	ask_begin(&a, DHCP_REQUEST, 2);
	ask_address(&a, OPT_REQUESTED, "192.168.1.5");
	ok(rig_ask(&r, &a) == 0, "and about what one it knows cannot have");
	rig_close(&r);
}

static void
test_another_server(void)
{
	char offered[INET_ADDRSTRLEN];

	rig_default(&r);
	rig_lease(&r, "10.0.0.10");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	rig_ask(&r, &a);
	strcpy(offered, rig_field(&r, 16));
	is(offered, "10.0.0.10", "the only address is offered");
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_address(&a, OPT_SERVER, "10.0.0.2");
	ask_address(&a, OPT_REQUESTED, "10.0.0.99");
	ok(rig_ask(&r, &a) == 0, "a client that takes another server's offer gets no answer");
	is(rig_bind(&r, 2), "10.0.0.10", "and the address is free again");
	rig_close(&r);
}

static void
test_release_decline_inform(void)
{
	char first[INET_ADDRSTRLEN];

	rig_default(&r);
	rig_lease(&r, "10.0.0.10-10.0.0.11");
	rig_open(&r);
	strcpy(first, rig_bind(&r, 1));
	rig_bind(&r, 2);
	is(rig_bind(&r, 3), "no offer", "two addresses for two clients");
	ask_begin(&a, DHCP_RELEASE, 3);
	ask_field(&a, 12, first);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	ok(rig_ask(&r, &a) == 0, "a RELEASE has no answer");
	is(rig_bind(&r, 3), "no offer", "nobody gives back what another has");
	ask_begin(&a, DHCP_RELEASE, 1);
	ask_field(&a, 12, first);
	ask_address(&a, OPT_SERVER, "10.0.0.2");
	rig_ask(&r, &a);
	is(rig_bind(&r, 3), "no offer", "nor is it for us what another server is told");
	ask_begin(&a, DHCP_RELEASE, 1);
	ask_field(&a, 12, first);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	rig_ask(&r, &a);
	is(rig_bind(&r, 3), first, "what is given back is given out");
	ask_begin(&a, DHCP_DECLINE, 3);
	ask_address(&a, OPT_REQUESTED, first);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	ok(rig_ask(&r, &a) == 0, "a DECLINE has no answer");
	ask_begin(&a, DHCP_REQUEST, 3);
	ask_address(&a, OPT_REQUESTED, first);
	ok(rig_ask(&r, &a) == DHCP_NAK, "what was declined is nobody's for a while");
	ask_begin(&a, DHCP_INFORM, 4);
	ask_field(&a, 12, "10.0.0.200");
	ask_bytes(&a, OPT_PARAMETERS, "\x03", 1);
	ok(rig_ask_from(&r, &a, "10.0.0.200", "255.255.255.255") == DHCP_ACK, "an INFORM is answered");
	is(rig_field(&r, 16), "0.0.0.0", "without an address");
	is(rig_field(&r, 12), "10.0.0.200", "to the client's own");
	is(rig_option(&r, OPT_LEASE_TIME), "none", "without a lease");
	is(rig_option(&r, OPT_ROUTER), "0a000001", "with what it asks for");
	rig_close(&r);
}

static void
test_relay(void)
{
	rig_default(&r);
	rig_lease(&r, "10.1.0.10-10.1.0.19/24");
	rig_lease(&r, "10.2.0.10-10.2.0.19/24");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_field(&a, 24, "10.1.0.1");
	ask_bytes(&a, OPT_AGENT, "\x01\x04port", 6);
	ask_bytes(&a, OPT_PARAMETERS, "\x03", 1);
	ok(rig_ask_from(&r, &a, "10.1.0.1", RIG_HOST) == DHCP_OFFER, "a relayed DISCOVER");
	ok(!strncmp(rig_field(&r, 16), "10.1.0.1", 8), "gets an address of the relay's network");
	ok(r.packet.dport == 67 && r.packet.dst.s_addr == inet_addr("10.1.0.1"), "the answer goes to the relay's port 67");
	is(rig_field(&r, 24), "10.1.0.1", "with its address");
	is(rig_option(&r, OPT_ROUTER), "0a010001", "the relay is the router");
	is(rig_option(&r, OPT_AGENT), "0104706f7274", "its words come back (RFC 3046)");
	ask_begin(&a, DHCP_DISCOVER, 2);
	ask_field(&a, 24, "10.0.0.5");
	ask_bytes(&a, OPT_AGENT, "\x05\x04\x0a\x02\x00\x01", 6);
	rig_ask_from(&r, &a, "10.0.0.5", RIG_HOST);
	ok(!strncmp(rig_field(&r, 16), "10.2.0.1", 8), "RFC 3527: the network that the relay names");
	ask_begin(&a, DHCP_DISCOVER, 3);
	ask_field(&a, 24, "10.0.0.5");
	ask_address(&a, OPT_SUBNET, "10.2.0.1");
	rig_ask_from(&r, &a, "10.0.0.5", RIG_HOST);
	ok(!strncmp(rig_field(&r, 16), "10.2.0.1", 8), "RFC 3011: the network that the client names");
	ask_begin(&a, DHCP_DISCOVER, 4);
	ask_field(&a, 24, "10.3.0.1");
	ok(rig_ask_from(&r, &a, "10.3.0.1", RIG_HOST) == 0, "none for a network that is not served");
	ask_begin(&a, DHCP_REQUEST, 5);
	ask_field(&a, 24, "10.1.0.1");
	ask_address(&a, OPT_REQUESTED, "10.2.0.12");
	ok(rig_ask_from(&r, &a, "10.1.0.1", RIG_HOST) == DHCP_NAK && r.packet.data[10] & 0x80, "a NAK that the relay is to broadcast");
	ask_begin(&a, DHCP_REQUEST, 6);
	ask_field(&a, 12, "10.2.0.13");
	ok(rig_ask_from(&r, &a, "10.2.0.13", RIG_HOST) == DHCP_ACK, "a renewal past the relay");
	ok(r.packet.dport == 68 && r.packet.dst.s_addr == inet_addr("10.2.0.13"), "is answered the same way");
	rig_close(&r);
}

static void
test_rapid(void)
{
	rig_default(&r);
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_RAPID, NULL, 0);
	ok(rig_ask(&r, &a) == DHCP_ACK, "rapid commit (RFC 4039): an ACK at once");
	is(rig_option(&r, OPT_RAPID), "", "which says so");
	rig_close(&r);
	rig_default(&r);
	rig_set(&r, "rapid=no");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_RAPID, NULL, 0);
	ok(rig_ask(&r, &a) == DHCP_OFFER, "not with rapid=no");
	rig_close(&r);
}

static void
test_settings(void)
{
	rig_default(&r);
	rig_set(&r, "dns=1.1.1.1,8.8.8.8");
	rig_set(&r, "router=none");
	rig_set(&r, "route=10.8.0.0/16,10.0.0.9");
	rig_set(&r, "search=a.example");
	rig_set(&r, "43=0102ff");
	rig_set(&r, "lease=infinite");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_PARAMETERS, "\x06\x03\x79\x77\x2b\xf9", 6);
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_DNS), "0101010108080808", "name servers");
	is(rig_option(&r, OPT_ROUTER), "none", "no router");
	is(rig_option(&r, OPT_ROUTES), "100a080a000009", "a route");
	is(rig_option(&r, OPT_ROUTES_MS), "100a080a000009", "and as Windows has it");
	is(rig_option(&r, OPT_SEARCH), "0161076578616d706c6500", "a search list");
	is(rig_option(&r, 43), "0102ff", "any option by its number");
	is(rig_option(&r, OPT_LEASE_TIME), "ffffffff", "for ever");
	is(rig_option(&r, OPT_T1), "none", "which needs no renewal");
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_LEASE_TIME, "\x00\x00\x02\x58", 4);
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_LEASE_TIME), "00000258", "less for who asks for less");
	is(rig_option(&r, 43), "0102ff", "all that there is for who does not say what it wants");
	rig_close(&r);
	rig_default(&r);
	rig_set(&r, "route=10.8.0.0/16,10.0.0.9");
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_PARAMETERS, "\x79", 1);
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_ROUTES), "000a000001100a080a000009", "the default route is among the routes (RFC 3442)");
	rig_close(&r);
}

static void
test_size(void)
{
	char text[300] = "114=text:";

	rig_default(&r);
	memset(text + 9, 'u', 200);
	rig_set(&r, text);
	memcpy(text, "101=", 4);
	text[9 + 90] = '\0';
	rig_set(&r, text);
	memcpy(text, "100=", 4);
	text[9 + 50] = '\0';
	rig_set(&r, text);
	memcpy(text, "128=", 4);
	rig_set(&r, text);
	rig_open(&r);
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_PARAMETERS, "\x72\x65\x64\x80", 4);
	rig_ask(&r, &a);
	ok(r.packet.len <= 548, "no more than every client takes");
	is(rig_option(&r, OPT_OVERLOAD), "03", "the old fields take what has no room");
	ok(strlen(rig_option(&r, 114)) == 400 && strlen(rig_option(&r, 101)) == 180 && strlen(rig_option(&r, 100)) == 100 && strlen(rig_option(&r, 128)) == 100,
	    "all is there");
	ask_begin(&a, DHCP_DISCOVER, 1);
	ask_bytes(&a, OPT_PARAMETERS, "\x72\x65\x64\x80", 4);
	ask_bytes(&a, OPT_MAX_SIZE, "\x05\xdc", 2);
	rig_ask(&r, &a);
	is(rig_option(&r, OPT_OVERLOAD), "none", "a client that takes more gets it in one piece");
	rig_close(&r);
}

static void
test_events(void)
{
	char first[INET_ADDRSTRLEN], want[80];

	rig_default(&r);
	rig_lease(&r, "10.0.0.10");
	rig_open(&r);
	rig_events();
	ask_begin(&a, DHCP_REQUEST, 1);
	ask_address(&a, OPT_REQUESTED, "10.0.0.10");
	ask_bytes(&a, OPT_HOSTNAME, "Web.example", 11);
	rig_ask(&r, &a);
	is(rig_events(), "bound 52:54:00:00:00:01 10.0.0.10 web\n", "a line for a lease");
	rig_bind(&r, 1);
	is(rig_events(), "renewed 52:54:00:00:00:01 10.0.0.10 \n", "for its renewal, now without a name");
	ask_begin(&a, DHCP_RELEASE, 1);
	ask_field(&a, 12, "10.0.0.10");
	ask_address(&a, OPT_SERVER, RIG_HOST);
	rig_ask(&r, &a);
	is(rig_events(), "released 52:54:00:00:00:01 10.0.0.10 \n", "for its end");
	strcpy(first, rig_bind(&r, 2));
	rig_events();
	ask_begin(&a, DHCP_DECLINE, 2);
	ask_address(&a, OPT_REQUESTED, first);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	rig_ask(&r, &a);
	snprintf(want, sizeof(want), "declined 52:54:00:00:00:02 %s \n", first);
	is(rig_events(), want, "for an address that somebody else has");
	ask_begin(&a, DHCP_REQUEST, 3);
	ask_address(&a, OPT_REQUESTED, "10.0.0.10");
	ask_bytes(&a, OPT_HOSTNAME, "a\tb\n", 4);
	rig_ask(&r, &a);
	is(rig_events(), "", "none for what is refused");
	ask_begin(&a, DHCP_DISCOVER, 2);
	ok(rig_ask(&r, &a) == DHCP_OFFER && !strcmp(rig_field(&r, 16), first), "what was declined is offered when nothing else is left");
	ask_begin(&a, DHCP_RELEASE, 2);
	ask_field(&a, 12, first);
	ask_address(&a, OPT_SERVER, RIG_HOST);
	rig_ask(&r, &a);
	is(rig_events(), "", "nor for the end of what is no lease");
	rig_close(&r);
}

int
main(void)
{
	rig_begin();
	test_four_steps();
	test_events();
	test_broadcast();
	test_clones();
	test_own_addresses();
	test_nak();
	test_another_server();
	test_release_decline_inform();
	test_relay();
	test_rapid();
	test_settings();
	test_size();
	return tap_done();
}
