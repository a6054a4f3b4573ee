/* SPDX-License-Identifier: ISC */
/* pkg: libdeflate libzstd zlib nettle */
/* Counts of clusters beside a plain array of them. */
#include <errno.h>
#include <stdlib.h>

#include "common/image/qcow2_counts.h"
#include "tests/unit/tap.h"

#define N 20000 /* clusters of the array: several chunks, the last in part */

static uint64_t plain[N];

/* The same dice in every run. */
static uint64_t
dice(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static bool
equal(const struct counts *c)
{
	for (uint64_t i = 0; i < N; i++)
		if (counts_get(c, i) != plain[i])
			return false;
	return true;
}

static uint64_t
plain_next(uint64_t from, uint64_t end)
{
	for (; from < end && from < N; from++)
		if (plain[from])
			return from;
	return UINT64_MAX;
}

static uint64_t
plain_room(uint64_t from, uint64_t n)
{
	for (uint64_t used; (used = plain_next(from, from + n)) != UINT64_MAX;)
		from = used + 1;
	return from;
}

/* Some numbers of up to so many bits, here and there. */
static void
strew(struct counts *c, unsigned bits)
{
	bool good = true;

	for (unsigned k = 0; k < 300; k++) {
		uint64_t at = dice() % N, n = dice() >> (64 - bits), sum;

		if (k % 3) {
			good = good && !counts_set(c, at, n);
			plain[at] = n;
		} else {
			sum = plain[at] + n;
			good = good && !counts_add(c, at, n);
			plain[at] = sum < n ? UINT64_MAX : sum;
		}
	}
	ok(good && equal(c), "numbers of up to %u bits are kept", bits);
}

static void
test_searches(const struct counts *c)
{
	uint64_t largest = 0, end = 0;
	bool next = true, room = true;

	for (unsigned k = 0; k < 500; k++) {
		uint64_t from = dice() % N, to = from + dice() % (N - from);

		next = next && counts_next(c, from, to) == plain_next(from, to);
		room = room && counts_room(c, from, 1 + k % 50) == plain_room(from, 1 + k % 50);
	}
	for (uint64_t i = 0; i < N; i++) {
		largest = plain[i] > largest ? plain[i] : largest;
		end = plain[i] ? i + 1 : end;
	}
	ok(next, "the next that is used is found");
	ok(room, "room is found");
	ok(counts_largest(c) == largest, "the largest is found");
	ok(counts_end(c) == end, "the end is found");
}

static void
test_copy(const struct counts *c)
{
	struct counts *copy = counts_copy(c);
	bool good = true;

	ok(copy && equal(copy) && counts_differ(c, copy, 0, N) == UINT64_MAX, "a copy does not differ");
	for (unsigned k = 0; copy && k < 200; k++) {
		uint64_t at = dice() % N;

		good = good && !counts_set(copy, at, plain[at] ^ 1) && counts_differ(c, copy, at - at % 7, N) == at;
		good = good && !counts_set(copy, at, plain[at]) && counts_differ(c, copy, 0, N) == UINT64_MAX;
	}
	ok(good, "one that differs is found");
	/* The same numbers in more bits. */
	ok(copy && !counts_set(copy, 5, UINT64_MAX) && !counts_set(copy, 5, plain[5]) && counts_differ(c, copy, 0, N) == UINT64_MAX,
	   "how many bits they have makes no difference");
	counts_free(copy);
}

/* The number of 8 in bits, and of 4 in pairs of bits, are the same byte. */
static void
test_widths(void)
{
	struct counts *a = counts_new(), *b = counts_new();

	ok(!counts_set(a, 8, 1) && !counts_set(b, 4000, 2) && !counts_set(b, 4, 1) && counts_differ(a, b, 0, N) == 4,
	   "other numbers differ, though of other widths they have the same bytes");
	counts_free(a);
	counts_free(b);
}

static void
test_edges(void)
{
	struct counts *c = counts_new();

	ok(!counts_get(c, 0) && !counts_get(c, COUNTS_MAX - 1) && !counts_get(c, UINT64_MAX), "at first all are 0");
	ok(counts_next(c, 0, UINT64_MAX) == UINT64_MAX && !counts_end(c) && !counts_largest(c), "nothing is found among none");
	ok(counts_room(c, 7, 9) == 7, "but room");
	ok(!counts_set(c, COUNTS_MAX - 1, 0) && !counts_end(c), "a 0 takes no memory");
	ok(counts_set(c, COUNTS_MAX, 1) == -EFBIG, "past the last there are none");
	ok(!counts_set(c, COUNTS_MAX - 1, 3) && counts_end(c) == COUNTS_MAX, "the last is one");
	ok(!counts_add(c, 1, UINT64_MAX) && !counts_add(c, 1, 1) && counts_get(c, 1) == UINT64_MAX, "adding stops at the most");
	counts_free(c);
}

int
main(void)
{
	static const unsigned bits[] = {1, 1, 2, 1, 4, 8, 3, 16, 32, 64};
	struct counts *c = counts_new();

	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		strew(c, bits[i]);
		test_searches(c);
		test_copy(c);
	}
	counts_free(c);
	test_widths();
	test_edges();
	return tap_done();
}
