/* SPDX-License-Identifier: ISC */
/*
 * The Gregorian calendar counted in years that begin on 1 March, so that the leap day is a year's last: then a month's
 * first day is (153 * month + 2) / 5, and 400 years are always as long. Day 0 is 1 March of year -400.
 */
#include "kvm-run/civil.h"

#define DAY_SECONDS 86400
#define DAYS_400 146097	 /* in 400 years */
#define DAYS_100 36524	 /* in 100 years without the 400th's leap day */
#define DAYS_4 1461
#define DAY_1970 (DAYS_400 * 6 - 11017) /* 1970-01-01: that many days before 2000-03-01 */

static int64_t
min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
month_start(int64_t month)
{
	return (153 * month + 2) / 5;
}

struct civil
civil_from_seconds(int64_t seconds)
{
	int64_t day = DAY_1970 + seconds / DAY_SECONDS, second = seconds % DAY_SECONDS;
	int64_t year, century, month;
	struct civil c;

	if (second < 0) {
		second += DAY_SECONDS;
		day--;
	}
	c.weekday = (int)((day + 3) % 7) + 1; /* 1 March -400 was a Wednesday */
	year = day / DAYS_400 * 400 - 400;
	day %= DAYS_400;
	century = min(day / DAYS_100, 3); /* the last one of 400 years is a day longer, */
	day -= century * DAYS_100;
	year += century * 100 + day / DAYS_4 * 4;
	day %= DAYS_4;
	year += min(day / 365, 3); /* and so is the last year of four */
	day -= min(day / 365, 3) * 365;
	month = (5 * day + 2) / 153;
	c.day = (int)(day - month_start(month)) + 1;
	c.month = (int)(month < 10 ? month + 3 : month - 9);
	c.year = (int)(c.month < 3 ? year + 1 : year);
	c.hour = (int)(second / 3600);
	c.minute = (int)(second / 60 % 60);
	c.second = (int)(second % 60);
	return c;
}

int64_t
civil_to_seconds(const struct civil *c)
{
	int64_t months = ((int64_t)c->year + 400) * 12 + c->month - 3; /* since March of year -400 */
	int64_t year = months / 12, month = months % 12;
	int64_t day = year * 365 + year / 4 - year / 100 + year / 400 + month_start(month) + c->day - 1 - DAY_1970;

	return ((day * 24 + c->hour) * 60 + c->minute) * 60 + c->second;
}
