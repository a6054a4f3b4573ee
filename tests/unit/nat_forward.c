/* links: vm-nat/forward.c */
/* SPDX-License-Identifier: ISC */
/* The words of vm-nat -p. */
#include "vm-nat/forward.h"
#include "tests/unit/forward_words.h"

static void
test_words(void)
{
	static const struct forward_word cases[] = {
		{ "8080:10.0.0.2:80", "tcp\t*:8080\t10.0.0.2:80" },
		{ "80:10.0.0.2", "tcp\t*:80\t10.0.0.2:80" },
		{ "*:80:10.0.0.2", "tcp\t*:80\t10.0.0.2:80" },
		{ "tcp:80:10.0.0.2", "tcp\t*:80\t10.0.0.2:80" },
		{ "udp:192.0.2.1:53:10.0.0.2:5353", "udp\t192.0.2.1:53\t10.0.0.2:5353" },
		{ "8000-8009:10.0.0.2", "tcp\t*:8000-8009\t10.0.0.2:8000-8009" },
		{ "8000-8009:10.0.0.2:9000-9009", "tcp\t*:8000-8009\t10.0.0.2:9000-9009" },
		{ "80-80:10.0.0.2:81", "tcp\t*:80\t10.0.0.2:81" },
		{ "1-65535:10.0.0.2", "tcp\t*:1-65535\t10.0.0.2:1-65535" },
		{ "80:[fd00::2]", "tcp\t*:80\t[fd00::2]:80" },
		{ "*:80:[fd00::2]:81", "tcp\t*:80\t[fd00::2]:81" },
		{ "udp:[2001:db8::1]:80-81:[fd00::2]:90-91", "udp\t[2001:db8::1]:80-81\t[fd00::2]:90-91" },
		{ "127.0.0.1:80:10.0.0.2", "tcp\t127.0.0.1:80\t10.0.0.2:80" },
		{ "", NULL },
		{ ":", NULL },
		{ "80", NULL },
		{ "80:", NULL },
		{ "80:81", NULL },
		{ "80:*:81", NULL },
		{ "80:0.0.0.0", NULL },
		{ "80:[::]", NULL },
		{ "80:[ff02::1]", NULL },
		{ "80:10.0.0.2:", NULL },
		{ "80:10.0.0.2:0", NULL },
		{ "80:10.0.0.2:80-", NULL },
		{ "-80:10.0.0.2", NULL },
		{ "80-:10.0.0.2", NULL },
		{ "81-80:10.0.0.2", NULL },
		{ "80-65536:10.0.0.2", NULL },
		{ "80-81-82:10.0.0.2", NULL },
		{ "80-81:10.0.0.2:80", NULL },
		{ "80:10.0.0.2:80-81", NULL },
		{ "80:10.0.0.2-3", NULL },
		{ "10.0.0.1-5:80:10.0.0.2", NULL },
		{ "10.0.0.1:10.0.0.2:80", NULL },
		{ "80:10.0.0.2:80:80", NULL },
		{ "80:[fd00::2", NULL },
		{ "80:[fd00::2]81", NULL },
		{ "80:fd00::2", NULL },
		{ "[::1]:80:[fd00::2]", NULL },
		{ "[fd00::1]:80:10.0.0.2", NULL },
		{ "10.0.0.1:80:[fd00::2]", NULL },
		{ "80:[fe80::2%lo]", NULL },
		{ "[fe80::1%lo]:80:[fd00::2]", NULL },
		{ "sctp:80:10.0.0.2", NULL },
	};

	test_forward_words(cases, sizeof(cases) / sizeof(*cases));
}

static void
overlap(const char *one, const char *other, bool want)
{
	struct forward a, b;
	const char *why;

	ok(forward_parse(&a, one, &why) && forward_parse(&b, other, &why) && forward_overlaps(&a, &b) == want &&
		forward_overlaps(&b, &a) == want,
	    "%s and %s: %s", one, other, want ? "overlap" : "do not");
}

static void
test_overlaps(void)
{
	overlap("80:10.0.0.2", "80:10.0.0.3", true);
	overlap("80:10.0.0.2", "81:10.0.0.2", false);
	overlap("80:10.0.0.2", "udp:80:10.0.0.2", false);
	overlap("80:10.0.0.2", "80:[fd00::2]", false);
	overlap("80-90:10.0.0.2", "90-99:10.0.0.2", true);
	overlap("80-90:10.0.0.2", "91-99:10.0.0.2", false);
	overlap("1-65535:10.0.0.2", "22:10.0.0.2", true);
	overlap("192.0.2.1:80:10.0.0.2", "192.0.2.2:80:10.0.0.2", false);
	overlap("192.0.2.1:80:10.0.0.2", "80:10.0.0.2", true);
	overlap("[fd00::1]:80:[fd00::2]", "[fd00::3]:80:[fd00::2]", false);
	overlap("[fd00::1]:80:[fd00::2]", "80:[fd00::2]", true);
}

int
main(void)
{
	test_words();
	test_overlaps();
	return tap_done();
}
