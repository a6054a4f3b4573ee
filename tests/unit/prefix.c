/* SPDX-License-Identifier: ISC */
/* Networks as text, and what lies in them. */
#include <string.h>

#include "common/prefix.h"
#include "tests/unit/tap.h"

static void
test_words(void)
{
	static const struct {
		const char *word, *want, *network; /* NULL: refused */
	} cases[] = {
		{ "10.1.2.3/24", "10.1.2.3/24", "10.1.2.0/24" },
		{ "10.1.2.3/20", "10.1.2.3/20", "10.1.0.0/20" },
		{ "10.1.2.3/0", "10.1.2.3/0", "0.0.0.0/0" },
		{ "10.1.2.3/31", "10.1.2.3/31", "10.1.2.2/31" },
		{ "10.1.2.3", "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3" },
		{ "fd00:1:2:3::4/61", "fd00:1:2:3::4/61", "fd00:1:2::/61" },
		{ "fd00::1/128", "fd00::1", "fd00::1" },
		{ "::/0", "::/0", "::/0" },
		{ "10.1.2.3/33", NULL, NULL },
		{ "10.1.2.3/", NULL, NULL },
		{ "10.1.2.3/-1", NULL, NULL },
		{ "10.1.2/24", NULL, NULL },
		{ "fd00::/129", NULL, NULL },
		{ "[fd00::]/64", NULL, NULL },
		{ "", NULL, NULL },
		{ "/24", NULL, NULL },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[PREFIX_TEXT_MAX];
		struct prefix p;
		bool good = prefix_parse(&p, cases[i].word);

		if (good)
			prefix_format(&p, text);
		is(good ? text : NULL, cases[i].want, cases[i].word);
		if (!good)
			continue;
		p = prefix_network(p);
		prefix_format(&p, text);
		is(text, cases[i].network, "  its network");
	}
}

static void
has(const char *outer, const char *inner, bool want)
{
	struct prefix a, b;

	ok(prefix_parse(&a, outer) && prefix_parse(&b, inner) && prefix_has(&a, &b) == want, "%s %s %s", outer, want ? "has" : "has not", inner);
}

int
main(void)
{
	test_words();
	has("10.0.0.0/8", "10.255.255.255", true);
	has("10.0.0.0/8", "11.0.0.0", false);
	has("10.0.0.7/24", "10.0.0.0/24", true);
	has("10.0.0.0/24", "10.0.0.0/23", false);
	has("10.0.0.128/25", "10.0.0.127", false);
	has("0.0.0.0/0", "1.2.3.4", true);
	has("::/0", "1.2.3.4", false);
	has("fd00::/61", "fd00:0:0:7::1", true);
	has("fd00::/61", "fd00:0:0:8::1", false);
	return tap_done();
}
