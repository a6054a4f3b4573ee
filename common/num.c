/* SPDX-License-Identifier: ISC */
/* Numbers from text; the contracts are in num.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"

/* Reads digits up to `*end`; false when there is none or the value does not fit. */
static bool
digits(const char *s, const char **end, uint64_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	*end = p;
	*out = v;
	return p != s;
}

bool
num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end;
	uint64_t v;

	if (!digits(s, &end, &v) || *end || v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool
size_parse(const char *s, uint64_t unit, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	const char *end, *suffix;
	uint64_t v;

	if (!digits(s, &end, &v))
		return false;
	if (*end) {
		suffix = strchr(suffixes, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!suffix || end[1])
			return false;
		unit = 1ULL << (10 * (suffix - suffixes + 1));
	}
	if (__builtin_mul_overflow(v, unit, &v) || v < min || v > max)
		return false;
	*out = v;
	return true;
}

uint64_t
num_opt(char letter, const char *s, uint64_t min, uint64_t max)
{
	uint64_t v;

	if (!num_parse(s, min, max, &v))
		die_usage("-%c %s: not a number from %llu to %llu", letter, s, (unsigned long long)min,
		    (unsigned long long)max);
	return v;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

bool
mac_parse(const char *s, uint8_t mac[6])
{
	static const uint8_t zero[6];
	uint8_t m[6];

	for (int i = 0; i < 6; i++, s += 3) {
		if (hex(s[0]) < 0 || hex(s[1]) < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return false;
		m[i] = (uint8_t)(hex(s[0]) << 4 | hex(s[1]));
	}
	if ((m[0] & 1) || !memcmp(m, zero, 6))
		return false;
	memcpy(mac, m, 6);
	return true;
}
