/* SPDX-License-Identifier: ISC */
/* Seconds since 1970 and UTC dates. Not libc's gmtime_r and timegm: those open the time zone's file. */
#ifndef KVM_RUN_CIVIL_H
#define KVM_RUN_CIVIL_H

#include <stdint.h>

struct civil {
	int year, month, day; /* month and day from 1 */
	int weekday;	      /* from 1, Sunday */
	int hour, minute, second;
};

/* From year -400 on. */
struct civil civil_from_seconds(int64_t seconds);

/* The weekday is not looked at; the other numbers may be out of their ranges: month 13 is the next January. From year
 * -399 on. */
int64_t civil_to_seconds(const struct civil *c);

#endif
