/* links: kvm-run/civil.c */
/* SPDX-License-Identifier: ISC */
/* Dates, against libc's. */
#include <time.h>

#include "kvm-run/civil.h"
#include "tests/unit/tap.h"

#define FIRST (-62167219200 - 366LL * 86400) /* the year before year 0 */
#define LAST 524603520000		     /* after year 16665, the last a clock can be set to */

static bool
same(const struct civil *c, const struct tm *tm)
{
	return c->year == tm->tm_year + 1900 && c->month == tm->tm_mon + 1 && c->day == tm->tm_mday &&
	    c->weekday == tm->tm_wday + 1 && c->hour == tm->tm_hour && c->minute == tm->tm_min && c->second == tm->tm_sec;
}

/* Every day and a bit: each date is met, at all times of the day. */
static void
test_all_days(void)
{
	unsigned wrong = 0, days = 0;

	for (int64_t s = FIRST; s < LAST; s += 86401, days++) {
		struct civil c = civil_from_seconds(s);
		time_t t = s;
		struct tm tm;

		gmtime_r(&t, &tm);
		wrong += !same(&c, &tm) || civil_to_seconds(&c) != s;
	}
	ok(!wrong, "%u of %u days are wrong", wrong, days);
}

static void
test_out_of_range(void)
{
	unsigned wrong = 0;

	for (int month = 0; month <= 165; month++)
		for (int day = 0; day <= 165; day += 3) {
			struct civil c = {.year = 2023, .month = month, .day = day, .hour = 100, .minute = 99, .second = 165};
			struct tm tm = {.tm_year = 123, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 100, .tm_min = 99,
			    .tm_sec = 165};

			wrong += civil_to_seconds(&c) != timegm(&tm);
		}
	ok(!wrong, "%u dates beyond the calendar are wrong", wrong);
}

int
main(void)
{
	test_all_days();
	test_out_of_range();
	return tap_done();
}
