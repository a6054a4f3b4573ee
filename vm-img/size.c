/* SPDX-License-Identifier: ISC */
/* Sizes; the contracts are in size.h. */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-img/size.h"

static int
digit(char c, unsigned base)
{
	int v = c >= '0' && c <= '9' ? c - '0' : base == 16 && (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;

	return v;
}

/* Digits from *s on; false when there are none or they do not fit. */
static bool
digits(const char **s, unsigned base, uint64_t *out)
{
	const char *first = *s;

	for (*out = 0; digit(**s, base) >= 0; ++*s)
		if (__builtin_mul_overflow(*out, base, out) || __builtin_add_overflow(*out, (uint64_t)digit(**s, base), out))
			return false;
	return *s != first;
}

/* The digits after the point, as bytes of a unit, rounded. */
static uint64_t
fraction(const char **s, uint64_t unit)
{
	long double part = 0, place = 1;

	for (; digit(**s, 10) >= 0; ++*s)
		part += (long double)digit(**s, 10) * (place /= 10);
	return (uint64_t)(part * (long double)unit + 0.5L);
}

bool
image_size_parse(const char *s, uint64_t *out)
{
	static const char suffixes[] = "bkmgtpe";
	const char *point, *suffix;
	uint64_t unit = 1, more = 0;

	if (s[0] == '0' && (s[1] | 32) == 'x') {
		s += 2;
		return digits(&s, 16, out) && !*s;
	}
	if (!digits(&s, 10, out))
		return false;
	point = *s == '.' ? s : NULL;
	while (point && digit(*++s, 10) >= 0)
		;
	suffix = *s ? strchr(suffixes, *s | 32) : NULL;
	if (*s && (!suffix || s[1]))
		return false;
	if (suffix)
		unit <<= 10 * (suffix - suffixes);
	if (point && unit == 1)
		return false;
	if (point && point++)
		more = fraction(&point, unit);
	return !__builtin_mul_overflow(*out, unit, out) && !__builtin_add_overflow(*out, more, out);
}

uint64_t
image_size_word(const char *what, const char *s, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (!image_size_parse(s, &v))
		die("%s: %s: not a size, like 512, 64k, 1.5G or 0x400 (suffixes k, M, G, T, P, E)", what, s);
	if (v < min || v > max)
		die("%s: %s: not from %llu to %llu", what, s, (unsigned long long)min, (unsigned long long)max);
	return v;
}

const char *
image_size_text(uint64_t v, char buf[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double shown = (double)v;
	unsigned u = 0;

	/* Never four digits before the point: 1000 is 0.977 KiB. */
	for (; shown >= 1000; u++)
		shown /= 1024;
	snprintf(buf, 32, "%0.3g %s", shown, units[u]);
	return buf;
}
