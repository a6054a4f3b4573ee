/* SPDX-License-Identifier: ISC */
/* The words of -p, to be parsed and formatted: behind the forward.h of a command. */
#ifndef TESTS_UNIT_FORWARD_WORDS_H
#define TESTS_UNIT_FORWARD_WORDS_H

#include "tests/unit/tap.h"

struct forward_word {
	const char *spec, *want; /* as forward_format has it; NULL: refused */
};

static void
test_forward_words(const struct forward_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[FORWARD_TEXT_MAX];
		struct forward f;
		const char *why = NULL;
		bool good = forward_parse(&f, words[i].spec, &why);

		if (good)
			forward_format(&f, text);
		is(good ? text : NULL, words[i].want, words[i].spec);
		if (!good)
			ok(why && *why, "  because: %s", why);
	}
}

#endif
