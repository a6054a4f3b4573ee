/* SPDX-License-Identifier: ISC */
/* TAP for unit programs: each check is a line on stdout. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_checks, tap_failures;

/* Returns whether it held, so that a test can say more. */
__attribute__((format(printf, 2, 3))) static inline bool
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	tap_failures += !good;
	printf("%sok %u - ", good ? "" : "not ", ++tap_checks);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return good;
}

/* Two texts, either of which may be NULL; both are shown when they differ. */
static inline bool
is(const char *got, const char *want, const char *name)
{
	bool good = ok(got && want ? !strcmp(got, want) : got == want, "%s", name);

	if (!good)
		printf("# got:  %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
	return good;
}

/* What main returns. */
static inline int
tap_done(void)
{
	printf("1..%u\n", tap_checks);
	return tap_failures != 0;
}

#endif
