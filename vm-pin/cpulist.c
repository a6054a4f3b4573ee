/* SPDX-License-Identifier: ISC */
/* Sets of CPUs; the contracts are in cpulist.h. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "vm-pin/cpulist.h"

#define WORDS (CPUS_MAX / CPUS_BITS)

void
cpus_add(struct cpus *c, unsigned cpu)
{
	c->v[cpu / CPUS_BITS] |= 1UL << cpu % CPUS_BITS;
}

void
cpus_del(struct cpus *c, unsigned cpu)
{
	c->v[cpu / CPUS_BITS] &= ~(1UL << cpu % CPUS_BITS);
}

bool
cpus_has(const struct cpus *c, unsigned cpu)
{
	return cpu < CPUS_MAX && c->v[cpu / CPUS_BITS] >> cpu % CPUS_BITS & 1;
}

unsigned
cpus_next(const struct cpus *c, unsigned from)
{
	for (unsigned w = from / CPUS_BITS; w < WORDS; from = ++w * CPUS_BITS) {
		unsigned long rest = c->v[w] >> from % CPUS_BITS;

		if (rest)
			return from + (unsigned)__builtin_ctzl(rest);
	}
	return CPUS_MAX;
}

unsigned
cpus_count(const struct cpus *c)
{
	unsigned n = 0;

	for (unsigned w = 0; w < WORDS; w++)
		n += (unsigned)__builtin_popcountl(c->v[w]);
	return n;
}

bool
cpus_empty(const struct cpus *c)
{
	return cpus_next(c, 0) == CPUS_MAX;
}

bool
cpus_equal(const struct cpus *a, const struct cpus *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool
cpus_within(const struct cpus *part, const struct cpus *whole)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (part->v[w] & ~whole->v[w])
			return false;
	return true;
}

bool
cpus_meet(const struct cpus *a, const struct cpus *b)
{
	for (unsigned w = 0; w < WORDS; w++)
		if (a->v[w] & b->v[w])
			return true;
	return false;
}

void
cpus_and(struct cpus *a, const struct cpus *b)
{
	for (unsigned w = 0; w < WORDS; w++)
		a->v[w] &= b->v[w];
}

void
cpus_or(struct cpus *a, const struct cpus *b)
{
	for (unsigned w = 0; w < WORDS; w++)
		a->v[w] |= b->v[w];
}

void
cpus_without(struct cpus *a, const struct cpus *b)
{
	for (unsigned w = 0; w < WORDS; w++)
		a->v[w] &= ~b->v[w];
}

/* The digits before one of `ends` (or the end of the text), as a number; *text is moved to that. */
static bool
number(const char **text, const char *ends, uint64_t min, uint64_t max, unsigned *v)
{
	char digits[8];
	size_t len = strcspn(*text, ends);
	uint64_t n;

	if (len >= sizeof(digits))
		return false;
	memcpy(digits, *text, len);
	digits[len] = '\0';
	if (!num_parse(digits, min, max, &n))
		return false;
	*text += len;
	*v = (unsigned)n;
	return true;
}

/* "3", "0-7" or "0-7:2"; *text is moved behind it. */
static bool
range(struct cpus *c, const char **text)
{
	unsigned from, to, step = 1;

	if (!number(text, "-,", 0, CPUS_MAX - 1, &from))
		return false;
	to = from;
	if (**text == '-') {
		++*text;
		if (!number(text, ":,", from, CPUS_MAX - 1, &to))
			return false;
		if (**text == ':') {
			++*text;
			if (!number(text, ",", 1, CPUS_MAX, &step))
				return false;
		}
	}
	for (; from <= to; from += step)
		cpus_add(c, from);
	return true;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* From its end, four CPUs a digit; a comma is for the eye. */
static bool
mask(struct cpus *c, const char *text)
{
	size_t len = strlen(text);
	unsigned cpu = 0;

	if (!len || text[0] == ',' || text[len - 1] == ',')
		return false;
	while (len--) {
		int digit = hex(text[len]);

		if (text[len] == ',')
			continue;
		if (digit < 0 || (digit && cpu >= CPUS_MAX))
			return false;
		if (digit)
			c->v[cpu / CPUS_BITS] |= (unsigned long)digit << cpu % CPUS_BITS;
		cpu += 4;
	}
	return true;
}

bool
cpus_parse(struct cpus *c, const char *text)
{
	*c = (struct cpus){0};
	if (!strncmp(text, "0x", 2))
		return mask(c, text + 2);
	if (!*text)
		return true;
	while (range(c, &text)) {
		if (!*text)
			return true;
		text++;
	}
	return false;
}

const char *
cpus_text(const struct cpus *c, char *text, size_t size)
{
	size_t len = 0;
	unsigned from, to;

	text[0] = '\0';
	for (from = cpus_next(c, 0); from < CPUS_MAX; from = cpus_next(c, to)) {
		char one[16];
		int n;

		for (to = from + 1; cpus_has(c, to); to++)
			;
		n = snprintf(one, sizeof(one), to > from + 1 ? "%s%u-%u" : "%s%u", len ? "," : "", from, to - 1);
		if (len + (size_t)n + sizeof("...") > size) {
			strcpy(text + len, "...");
			break;
		}
		strcpy(text + len, one);
		len += (size_t)n;
	}
	return text;
}
