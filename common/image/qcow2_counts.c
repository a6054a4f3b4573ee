/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_counts.h"
#include "common/image/qcow2_refblock.h"

#define CHUNK_BITS 12
#define BYTES_MAX (2ULL << 30) /* of memory: enough for 1 PiB of clusters of 64 KiB that are all used once */
#define CHUNK (1ULL << CHUNK_BITS)
#define GROUP 64 /* numbers that are looked at together: 8 bytes or more, of any width */

/* Numbers of 1 << order bits, as in a refcount block: those that are counted once take a bit. */
struct chunk {
	unsigned order;
	uint8_t numbers[];
};

struct counts {
	struct chunk **chunks; /* NULL where all are 0 */
	uint64_t nchunks;
	uint64_t bytes; /* in chunks */
};

struct counts *
counts_new(void)
{
	return calloc(1, sizeof(struct counts));
}

void
counts_free(struct counts *c)
{
	if (!c)
		return;
	for (uint64_t i = 0; i < c->nchunks; i++)
		free(c->chunks[i]);
	free(c->chunks);
	free(c);
}

/* The chunk with the cluster, or NULL. */
static struct chunk *
chunk_of(const struct counts *c, uint64_t cluster)
{
	return cluster >> CHUNK_BITS < c->nchunks ? c->chunks[cluster >> CHUNK_BITS] : NULL;
}

static uint64_t
load(const struct chunk *k, uint64_t cluster)
{
	return refblock_get(k->numbers, cluster % CHUNK, k->order);
}

static size_t
chunk_bytes(unsigned order)
{
	return CHUNK << order >> 3;
}

static bool
grow(struct counts *c, uint64_t n)
{
	uint64_t size = c->nchunks;
	struct chunk **chunks;

	if (n <= size)
		return true;
	while (size < n)
		size = size ? 2 * size : 16;
	chunks = reallocarray(c->chunks, size, sizeof(struct chunk *));
	if (!chunks)
		return false;
	memset(chunks + c->nchunks, 0, (size - c->nchunks) * sizeof(struct chunk *));
	c->chunks = chunks;
	c->nchunks = size;
	return true;
}

/* The chunk with the cluster, wide enough for n; NULL: out of memory. */
static struct chunk *
chunk_for(struct counts *c, uint64_t cluster, uint64_t n)
{
	struct chunk *k = chunk_of(c, cluster), *wide;
	unsigned order = k ? k->order : 0;

	if (k && n <= refblock_largest(order))
		return k;
	while (n > refblock_largest(order))
		order++;
	if (c->bytes + chunk_bytes(order) > BYTES_MAX || !grow(c, (cluster >> CHUNK_BITS) + 1))
		return NULL;
	wide = calloc(1, sizeof(*wide) + chunk_bytes(order));
	if (!wide)
		return NULL;
	wide->order = order;
	c->bytes += chunk_bytes(order) - (k ? chunk_bytes(k->order) : 0);
	for (uint32_t i = 0; k && i < CHUNK; i++)
		refblock_put(wide->numbers, i, order, load(k, i));
	free(k);
	return c->chunks[cluster >> CHUNK_BITS] = wide;
}

uint64_t
counts_get(const struct counts *c, uint64_t cluster)
{
	const struct chunk *k = chunk_of(c, cluster);

	return k ? load(k, cluster) : 0;
}

int
counts_set(struct counts *c, uint64_t cluster, uint64_t n)
{
	struct chunk *k;

	if (cluster >= COUNTS_MAX)
		return -EFBIG;
	if (!n && !chunk_of(c, cluster))
		return 0;
	k = chunk_for(c, cluster, n);
	if (!k)
		return -ENOMEM;
	refblock_put(k->numbers, cluster % CHUNK, k->order, n);
	return 0;
}

int
counts_add(struct counts *c, uint64_t cluster, uint64_t n)
{
	uint64_t sum = counts_get(c, cluster) + n;

	return counts_set(c, cluster, sum < n ? UINT64_MAX : sum);
}

static uint64_t
chunk_end(uint64_t cluster, uint64_t end)
{
	return min_u64(end, (cluster | (CHUNK - 1)) + 1);
}

/* The first of [from, end), which is in one chunk, whose number is not 0; or a cluster from `end` on. */
static uint64_t
next_in(const struct chunk *k, uint64_t from, uint64_t end)
{
	size_t bytes = (size_t)GROUP << k->order >> 3;

	while (from < end) {
		if (!(from % GROUP) && bytes_zero(k->numbers + (from % CHUNK / GROUP) * bytes, bytes))
			from += GROUP;
		else if (load(k, from))
			break;
		else
			from++;
	}
	return from;
}

uint64_t
counts_next(const struct counts *c, uint64_t from, uint64_t end)
{
	uint64_t stop;

	for (end = min_u64(end, c->nchunks << CHUNK_BITS); from < end; from = stop) {
		const struct chunk *k = chunk_of(c, from);

		stop = chunk_end(from, end);
		if (k)
			from = next_in(k, from, stop);
		if (k && from < stop)
			return from;
	}
	return UINT64_MAX;
}

uint64_t
counts_room(const struct counts *c, uint64_t from, uint64_t n)
{
	uint64_t used;

	while ((used = counts_next(c, from, from + n)) != UINT64_MAX)
		from = used + 1;
	return from;
}

static bool
same(const struct chunk *a, const struct chunk *b)
{
	return a == b || (a && b && a->order == b->order && !memcmp(a->numbers, b->numbers, chunk_bytes(a->order)));
}

uint64_t
counts_differ(const struct counts *a, const struct counts *b, uint64_t from, uint64_t end)
{
	uint64_t stop;

	for (; from < end; from = stop) {
		stop = chunk_end(from, end);
		if (same(chunk_of(a, from), chunk_of(b, from)))
			continue;
		for (; from < stop; from++)
			if (counts_get(a, from) != counts_get(b, from))
				return from;
	}
	return UINT64_MAX;
}

uint64_t
counts_end(const struct counts *c)
{
	for (uint64_t i = c->nchunks; i-- > 0;)
		for (uint32_t k = CHUNK; c->chunks[i] && k-- > 0;)
			if (load(c->chunks[i], k))
				return (i << CHUNK_BITS) + k + 1;
	return 0;
}

uint64_t
counts_largest(const struct counts *c)
{
	uint64_t largest = 0;

	for (uint64_t i = 0; (i = counts_next(c, i, COUNTS_MAX)) != UINT64_MAX; i++)
		if (counts_get(c, i) > largest)
			largest = counts_get(c, i);
	return largest;
}

struct counts *
counts_copy(const struct counts *c)
{
	struct counts *copy = counts_new();

	if (copy && !grow(copy, c->nchunks)) {
		counts_free(copy);
		return NULL;
	}
	for (uint64_t i = 0; copy && i < c->nchunks; i++) {
		size_t size = c->chunks[i] ? sizeof(struct chunk) + chunk_bytes(c->chunks[i]->order) : 0;

		if (!size)
			continue;
		copy->chunks[i] = malloc(size);
		if (!copy->chunks[i]) {
			counts_free(copy);
			return NULL;
		}
		memcpy(copy->chunks[i], c->chunks[i], size);
		copy->bytes += size - sizeof(struct chunk);
	}
	return copy;
}
