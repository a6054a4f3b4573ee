/* SPDX-License-Identifier: ISC */
/* links: vm-dhcpd/ra_packet.c vm-dhcpd/dhcp6_packet.c vm-dhcpd/setting6.c vm-dhcpd/pxe.c */
/* IPv6: advertisements, solicitations, stateless DHCPv6, the words of -O. */
#include <arpa/inet.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/dhcp6_packet.h"
#include "vm-dhcpd/setting6.h"

static struct in6_addr
address(const char *text)
{
	struct in6_addr a;

	inet_pton(AF_INET6, text, &a);
	return a;
}

static bool
same(const uint8_t *got, size_t len, const void *want, size_t want_len)
{
	if (len == want_len && !memcmp(got, want, len))
		return true;
	printf("# %zu bytes:", len);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", got[i]);
	putchar('\n');
	return false;
}

#define SAME(got, len, want) same(got, len, want, sizeof(want) - 1)

static void
test_advertisement(void)
{
	struct ra_prefix prefixes[40] = {{address("2001:db8::"), 64, 86400, 14400}, {address("2001:db8:1::"), 48, 3600, 0}};
	struct ra_prefix routes[] = {{address("::"), 0, 60, 0}, {address("2001:db8:2::"), 48, 60, 0}, {address("2001:db8::1"), 128, 60, 0}};
	struct in6_addr dns[] = {address("2001:db8::53"), address("2001:db8::54")};
	struct ra r = {.mac = {2, 0, 0, 0, 0, 1}};
	uint8_t out[RA_PACKET_MAX];

	ok(SAME(out, ra_put(out, &r), "\206\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\1\1\2\0\0\0\0\1"), "the smallest");
	r = (struct ra){.other = true, .lifetime = 1800, .mtu = 1400, .prefixes = prefixes, .nprefixes = 2};
	ok(SAME(out, ra_put(out, &r),
	       "\206\0\0\0\100\100\7\10\0\0\0\0\0\0\0\0\1\1\0\0\0\0\0\0\5\1\0\0\0\0\5\170"
	       "\3\4\100\300\0\1\121\200\0\0\70\100\0\0\0\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\0"
	       "\3\4\60\200\0\0\16\20\0\0\0\0\0\0\0\0\x20\1\xd\xb8\0\1\0\0\0\0\0\0\0\0\0\0"),
	    "a router with an MTU and prefixes, of which one makes addresses");
	r = (struct ra){.dns = dns, .ndns = 2, .search = (const uint8_t *)"\1a\0\2bc\0", .search_len = 7, .dns_lifetime = 1800};
	ok(SAME(out + 24, ra_put(out, &r) - 24,
	       "\31\5\0\0\0\0\7\10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\x53\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\x54"
	       "\37\2\0\0\0\0\7\10\1a\0\2bc\0\0"),
	    "name servers and search list");
	r = (struct ra){.routes = routes, .nroutes = 3};
	ok(SAME(out + 24, ra_put(out, &r) - 24,
	       "\30\1\0\0\0\0\0\74\30\2\60\0\0\0\0\74\x20\1\xd\xb8\0\2\0\0"
	       "\30\3\200\0\0\0\0\74\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
	    "routes of three lengths");
	r = (struct ra){.prefixes = prefixes, .nprefixes = 40, .routes = routes, .nroutes = 1};
	ok(ra_put(out, &r) == 24 + 37 * 32 + 8, "prefixes that do not fit are left out whole");
}

static void
test_solicitation(void)
{
	static const uint8_t rs[] = "\205\0\0\0\0\0\0\0\1\1\2\0\0\0\0\1", plain[] = "\205\0\0\0\0\0\0\0";
	struct in6_addr from = address("fe80::1"), none = in6addr_any;
	uint8_t bad[16];

	ok(ra_is_solicitation(rs, 16, &from, 255) && ra_is_solicitation(plain, 8, &none, 255), "good ones");
	ok(!ra_is_solicitation(rs, 16, &from, 254), "from beyond the link");
	ok(!ra_is_solicitation(rs, 16, &none, 255), "a link address of who has none");
	ok(!ra_is_solicitation(rs, 7, &from, 255) && !ra_is_solicitation(rs, 15, &from, 255) && !ra_is_solicitation(rs, 9, &from, 255),
	    "cut off");
	for (int i = 0; i < 2; i++) {
		memcpy(bad, rs, 16);
		bad[i] = 1;
		ok(!ra_is_solicitation(bad, 16, &from, 255), "another type or code");
	}
	memcpy(bad, rs, 16);
	bad[9] = 0;
	ok(!ra_is_solicitation(bad, 16, &from, 255), "an option of no length");
	bad[9] = 2;
	ok(!ra_is_solicitation(bad, 16, &from, 255), "an option beyond the end");
}

static struct dhcp6 d;
static uint8_t out[DHCP6_PACKET_MAX];

#define ASK(packet) dhcp6_answer(out, &d, (const uint8_t *)packet, sizeof(packet) - 1)
#define SERVER_ID "\0\2\0\12\0\3\0\1\2\0\0\0\0\1"

static void
test_information(void)
{
	struct in6_addr dns = address("2001:db8::53"), ntp = address("2001:db8::7");

	dhcp6_make_duid(d.duid, (const uint8_t[]){2, 0, 0, 0, 0, 1});
	ok(SAME(out, ASK("\13abc"), "\7abc" SERVER_ID), "a bare request");
	ok(SAME(out, ASK("\13abc\0\1\0\2xy\0\10\0\2\0\0"), "\7abc\0\1\0\2xy" SERVER_ID), "the client's identifier comes back");
	ok(SAME(out, ASK("\13abc\0\6\0\10\0\27\0\30\0\37\0\70"), "\7abc" SERVER_ID), "nothing is there to be told");
	d.dns = &dns;
	d.ntp = &ntp;
	d.ndns = d.nntp = 1;
	d.search = (const uint8_t *)"\1a\0";
	d.search_len = 3;
	d.refresh = 3600;
	ok(SAME(out, ASK("\13abc\0\6\0\14\0\27\0\30\0\37\0\70\0\40\377\377"),
	       "\7abc" SERVER_ID "\0\27\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\x53\0\30\0\3\1a\0"
	       "\0\37\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
	       "\0\70\0\24\0\1\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\40\0\4\0\0\16\20"),
	    "all that was asked for");
	ok(SAME(out, ASK("\13abc\0\6\0\3\0\30\0"), "\7abc" SERVER_ID "\0\30\0\3\1a\0"), "and nothing else");
	ok(ASK("\13abc" SERVER_ID), "to us by name");
	ok(!ASK("\13abc\0\2\0\12\0\3\0\1\2\0\0\0\0\2") && !ASK("\13abc\0\2\0\0"), "to another server");
	ok(!ASK("\13abc\0\3\0\0") && !ASK("\13abc\0\4\0\0") && !ASK("\13abc\0\31\0\0"), "who wants addresses is discarded");
	ok(!ASK("\1abc") && !ASK("\7abc") && !ASK("\14abc") && !ASK("\13ab") && !ASK(""), "other messages");
	ok(!ASK("\13abc\0\1\0\3xy") && !ASK("\13abc\0\1\0") && !ASK("\13abc\0\1\377\377"), "options beyond the end");
}

/* RFC 5970: the boot file of an architecture, of iPXE, of this host. */
static void
test_boot(void)
{
	static struct pxe pxe;

	d = (struct dhcp6){.pxe = &pxe};
	pxe_add(&pxe, "x64=/x.efi");
	pxe_add(&pxe, "ipxe=http://h/s");
	ok(ASK("\13abc\0\6\0\2\0\73\0\75\0\2\0\7") == 18, "no address of ours: no URL");
	d.host = address("2001:db8::1");
	ASK("\13abc\0\6\0\2\0\73\0\75\0\2\0\7");
	ok(SAME(out + 18, 30, "\0\73\0\32tftp://[2001:db8::1]/x.efi"), "a file becomes a URL");
	ASK("\13abc\0\6\0\2\0\73\0\17\0\6\0\4iPXE");
	ok(SAME(out + 18, 14, "\0\73\0\12http://h/s"), "iPXE by its user class");
	ok(ASK("\13abc\0\6\0\2\0\73\0\17\0\6\0\5iPXE") == 18 && ASK("\13abc\0\6\0\2\0\73\0\17\0\1\0") == 18, "a class beyond its end");
	ok(ASK("\13abc\0\6\0\2\0\73\0\75\0\1\0") == 18, "half an architecture");
	pxe_add(&pxe, "x64=http://h/x");
	ASK("\13abc\0\6\0\2\0\73\0\75\0\2\0\20\0\20\0\22\0\0\1\127\0\14HTTPClient:x");
	ok(SAME(out + 18, 14, "\0\73\0\12http://h/x"), "HTTP boot by its vendor class");
}

static bool
takes(struct settings6 *s, const char *word)
{
	const char *why = NULL;

	return settings6_add(s, word, strcspn(word, "="), &why) && !why;
}

static void
test_words(void)
{
	static const char *const bad[] = {"dns6=x", "dns6=", "dns6=1.2.3.4", "dns6=::1,", "dns6=ff02::1", "prefix=2001:db8::", "prefix=2001:db8::/x",
	    "prefix=2001:db8::/129", "prefix=2001:db8::1/64", "prefix=fe80::/64", "prefix=ff00::/8", "route6=x/64", "ra=maybe", "router6=", "prefix=/64",
	    "ntp6=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL};
	struct settings6 s = {0};
	const char *why = NULL;

	ok(takes(&s, "dns6=::1,::2") && takes(&s, "dns6=::3") && s.dns.n == 3 && s.dns.given, "name servers");
	ok(!takes(&s, "dns6=none"), "some and none");
	ok(takes(&s, "ntp6=none") && s.ntp.given && !s.ntp.n, "none");
	ok(takes(&s, "prefix=2001:db8::/64") && s.prefixes.v[0].len == 64 && s.prefixes.v[0].preferred < s.prefixes.v[0].valid, "a prefix");
	ok(takes(&s, "route6=::/0") && takes(&s, "route6=2001:db8::1/128") && s.routes.n == 2, "routes");
	ok(takes(&s, "ra=no") && s.ra == CHOICE_NO && takes(&s, "router6=yes") && s.router == CHOICE_YES, "choices");
	for (const char *const *w = bad; *w; w++)
		ok(!takes(&s, *w), "refused: %s", *w);
	ok(!settings6_add(&s, "dns=1.2.3.4", 3, &why) && !settings6_add(&s, "dns66=::1", 5, &why), "keys of others");
	s.dns.n = SETTINGS6_MAX - 1;
	ok(takes(&s, "dns6=::4") && !takes(&s, "dns6=::5"), "too many");
}

int
main(void)
{
	test_advertisement();
	test_solicitation();
	test_information();
	test_boot();
	test_words();
	return tap_done();
}
