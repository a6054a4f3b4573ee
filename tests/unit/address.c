/* SPDX-License-Identifier: ISC */
/* Words for addresses of sockets. */
#include <arpa/inet.h>
#include <stdio.h>

#include "common/address.h"
#include "tests/unit/tap.h"

static void
test_words(void)
{
	static const struct {
		const char *word, *want; /* NULL: refused */
	} cases[] = {
	    {"22", "127.0.0.1:22"}, {"10.0.0.1:65535", "10.0.0.1:65535"}, {"*:5", "0.0.0.0:5"}, {"[::1]:80", "[::1]:80"},
	    {"[fe80::1%lo]:80", "[fe80::1]:80"}, {"", NULL}, {":", NULL}, {"0", NULL}, {"65536", NULL}, {"10.0.0.1", NULL},
	    {"10.0.0.1:", NULL}, {"10.0.0.1:0", NULL}, {"10.0.0:1", NULL}, {"[::1]", NULL}, {"[::1:80", NULL}, {"[", NULL},
	    {"[]:1", NULL}, {"[::1%nosuch]:80", NULL}, {"::1:80", NULL}, {"[10.0.0.1]:80", NULL},
	    {"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff]:1", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		union address a = {.in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
		const char *s = cases[i].word, *why;
		char text[ADDRESS_TEXT_MAX] = "";
		bool good = address_parse(&a, &s, &why) && !*s;

		if (good)
			address_format(&a, text, sizeof(text));
		is(good ? text : NULL, cases[i].want, cases[i].word);
	}
}

static void
test_rest(void)
{
	union address a = {.in.sin_family = AF_INET};
	const char *s = "[::2]:80:more", *why;
	char path[sizeof(a.un.sun_path) + 1];

	ok(address_parse(&a, &s, &why) && !strcmp(s, "more"), "what follows is left");
	ok(address_port(&a) == 80 && address_len(&a) == sizeof(a.in6) && !address_is_any(&a), "IPv6");
	memset(path, 'x', sizeof(path));
	ok(!address_parse_path(&a, path, sizeof(path) - 1, &why), "a path too long: %s", why);
	ok(address_parse_path(&a, path, sizeof(path) - 2, &why) && a.sa.sa_family == AF_UNIX && address_port(&a) == 0,
	    "the longest path");
	ok(address_parse_host(&a, "239.1.1.1") && address_is_multicast(&a), "a group");
	ok(address_parse_host(&a, "[ff02::1]") && address_is_multicast(&a), "a group of IPv6");
	ok(address_parse_host(&a, "*") && address_is_any(&a) && !address_is_multicast(&a), "any");
	ok(address_parse_host(&a, "[::]") && address_is_any(&a), "any of IPv6");
}

int
main(void)
{
	test_words();
	test_rest();
	return tap_done();
}
