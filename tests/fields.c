/* SPDX-License-Identifier: ISC */
/*
 * A mutator for files of tables, for libFuzzer: linked with a target, it leaves bytes where they are and changes numbers
 * among them into such as images have: places, sizes, counts, flags. Every fourth time libFuzzer does as it does alone.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/util.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static uint32_t
random_below(unsigned *seed, size_t n)
{
	return (uint32_t)(((uint64_t)rand_r(seed) << 15 ^ (uint64_t)rand_r(seed)) % n);
}

static uint64_t
get(const uint8_t *p, unsigned kind)
{
	switch (kind) {
	case 0: return get_be64(p);
	case 1: return get_be32(p);
	case 2: return get_le64(p);
	default: return get_le32(p);
	}
}

static void
put(uint8_t *p, unsigned kind, uint64_t v)
{
	switch (kind) {
	case 0: put_be64(p, v); return;
	case 1: put_be32(p, (uint32_t)v); return;
	case 2: put_le64(p, v); return;
	default: put_le32(p, (uint32_t)v);
	}
}

/* What an attacker would write where there was v. */
static uint64_t
worse(uint64_t v, const uint8_t *data, size_t size, unsigned kind, unsigned *seed)
{
	static const uint64_t ends[] = {0, 1, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX, 1ULL << 62, 1ULL << 63, 1ULL << 56};
	uint64_t unit = 1ULL << random_below(seed, 17);

	switch (random_below(seed, 9)) {
	case 0: return ends[random_below(seed, ARRAY_LEN(ends))];
	case 1: return v ^ 1ULL << random_below(seed, 64);
	case 2: return v + unit;
	case 3: return v - unit;
	case 4: return random_below(seed, size) & ~(unit - 1);
	case 5: return (size & ~(unit - 1)) - (random_below(seed, 3) - 1) * unit;
	case 6: return (v & 0xff00000000000001) | (random_below(seed, size) & ~511U);
	case 7: return get(data + (random_below(seed, size - 7) & ~7U), kind);
	default: return random_below(seed, 300);
	}
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint32_t changes = 1 + random_below(&seed, 3);

	if (size < 8 || !random_below(&seed, 4))
		return LLVMFuzzerMutate(data, size, max);
	while (changes--) {
		/* Headers are at the start, and much hangs on them. */
		size_t within = random_below(&seed, 3) ? size : min_u64(size, 512);
		unsigned kind = random_below(&seed, 4);
		uint8_t *p = data + (random_below(&seed, within - 7) & ~3U);

		put(p, kind, worse(get(p, kind), data, size, kind, &seed));
	}
	return size;
}
