/* links: vm-slirp/forward.c */
/* SPDX-License-Identifier: ISC */
/* The words of -p and -g. */
#include <arpa/inet.h>

#include "vm-slirp/forward.h"
#include "tests/unit/forward_words.h"

static void
test_forward(void)
{
	static const struct forward_word cases[] = {
	    {"22", "tcp\t127.0.0.1:22\tguest:22"},
	    {"2222:22", "tcp\t127.0.0.1:2222\tguest:22"},
	    {"tcp:2222:22", "tcp\t127.0.0.1:2222\tguest:22"},
	    {"udp:127.0.0.1:5353:53", "udp\t127.0.0.1:5353\tguest:53"},
	    {"*:80", "tcp\t0.0.0.0:80\tguest:80"},
	    {"*:80:10.0.2.16:81", "tcp\t0.0.0.0:80\t10.0.2.16:81"},
	    {"80:10.0.2.16:81", "tcp\t127.0.0.1:80\t10.0.2.16:81"},
	    {"[::1]:8080:80", "tcp\t[::1]:8080\tguest:80"},
	    {"udp:[::1]:8080:[fec0::9]:80", "udp\t[::1]:8080\t[fec0::9]:80"},
	    {"/run/x.sock:22", "unix\t/run/x.sock\tguest:22"},
	    {"/run/x.sock:[fe80::1]:22", "unix\t/run/x.sock\t[fe80::1]:22"},
	    {"", NULL},
	    {":", NULL},
	    {"::", NULL},
	    {"22:", NULL},
	    {":22", NULL},
	    {"0:22", NULL},
	    {"65536:22", NULL},
	    {"22:65536", NULL},
	    {"127.0.0.1", NULL},
	    {"127.0.0.1:", NULL},
	    {"127.0.0.256:1", NULL},
	    {"1:2:3", NULL},
	    {"1:10.0.0.1:2:3", NULL},
	    {"[::1:80", NULL},
	    {"[]:80", NULL},
	    {"[", NULL},
	    {"[::1]80", NULL},
	    {"[::1]:80:10.0.2.15:80", NULL},
	    {"80:[::1]:80", NULL},
	    {"/run/x.sock", NULL},
	    {"udp:/run/x.sock:22", NULL},
	    {"host:22", NULL},
	};

	test_forward_words(cases, sizeof(cases) / sizeof(*cases));
}

static void
test_same(void)
{
	struct forward a, b;
	const char *why;

	forward_parse(&a, "2222:22", &why);
	ok(forward_parse_host(&b, "127.0.0.1:2222", &why) && forward_same_host(&a, &b), "the default address is the same");
	ok(forward_parse_host(&b, "2222:23", &why) && forward_same_host(&a, &b), "the guest's side does not matter");
	ok(forward_parse_host(&b, "udp:2222", &why) && !forward_same_host(&a, &b), "UDP is not TCP");
	ok(forward_parse_host(&b, "*:2222", &why) && !forward_same_host(&a, &b), "another address");
	ok(forward_parse(&a, "/s:1", &why) && forward_parse_host(&b, "/s", &why) && forward_same_host(&a, &b), "a path");
}

static void
test_guestfwd(void)
{
	struct guestfwd g;
	char text[64];
	const char *why;

	ok(guestfwd_parse(&g, "10.0.2.100:80=|cat -n", &why) && g.kind == GUESTFWD_COMMAND && g.port == 80, "a command");
	is(g.command, "cat -n", "all of it");
	is(inet_ntoa(g.addr), "10.0.2.100", "the address");
	ok(guestfwd_parse(&g, "80=/run/x", &why) && g.kind == GUESTFWD_CONNECT && !g.addr.s_addr, "a path");
	is(g.target.un.sun_path, "/run/x", "all of it");
	ok(guestfwd_parse(&g, "80=[::1]:9", &why), "an address");
	address_format(&g.target, text, sizeof(text));
	is(text, "[::1]:9", "with its port");
	ok(guestfwd_parse(&g, "80=a=b", &why) == false, "a name is no address");
	for (const char *const *bad = (const char *const[]){"80", "=", "=|x", "80=", "80=|", "[::1]:80=/x", "80:81=/x", "x=/x",
		 "10.0.2.100=/x", "80=1:2:3", "111.111.111.111:65535:1=/x", NULL};
	     *bad; bad++)
		ok(!guestfwd_parse(&g, *bad, &why) && *why, "%s: %s", *bad, why);
}

int
main(void)
{
	test_forward();
	test_same();
	test_guestfwd();
	return tap_done();
}
