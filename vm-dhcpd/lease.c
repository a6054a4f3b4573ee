/* SPDX-License-Identifier: ISC */
/* The table of leases; the contracts are in lease.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/diag.h"
#include "vm-dhcpd/lease.h"

#define BUCKETS_MIN 64

int64_t
lease_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec + 1;
}

static void *
need(void *p)
{
	if (!p)
		die("out of memory");
	return p;
}

static size_t
hash(const struct leases *ls, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = ls->seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
	return (size_t)(h ^ h >> 32) & (ls->buckets - 1);
}

static struct lease **
addr_bucket(const struct leases *ls, uint32_t addr)
{
	return &ls->by_addr[hash(ls, &addr, sizeof(addr))];
}

static struct lease **
key_bucket(const struct leases *ls, const uint8_t *key, size_t len)
{
	return &ls->by_key[hash(ls, key, len)];
}

static void
link_buckets(struct leases *ls, struct lease *l)
{
	struct lease **a = addr_bucket(ls, l->addr), **k = key_bucket(ls, l->key, l->key_len);

	l->next_addr = *a;
	*a = l;
	l->next_key = *k;
	*k = l;
}

static void
make_buckets(struct leases *ls, size_t n)
{
	free(ls->by_addr);
	free(ls->by_key);
	ls->by_addr = need(calloc(n, sizeof(*ls->by_addr)));
	ls->by_key = need(calloc(n, sizeof(*ls->by_key)));
	ls->buckets = n;
	for (int s = 0; s < LEASE_STATES; s++) {
		struct lease *l;

		TAILQ_FOREACH(l, &ls->queue[s], queue)
			link_buckets(ls, l);
	}
}

void
leases_init(struct leases *ls)
{
	*ls = (struct leases){0};
	for (int s = 0; s < LEASE_STATES; s++)
		TAILQ_INIT(&ls->queue[s]);
	if (getrandom(&ls->seed, sizeof(ls->seed), GRND_NONBLOCK) < 0)
		ls->seed = (uint64_t)lease_clock();
	make_buckets(ls, BUCKETS_MIN);
}

void
leases_done(struct leases *ls)
{
	for (int s = 0; s < LEASE_STATES; s++) {
		struct lease *next;

		for (struct lease *l = TAILQ_FIRST(&ls->queue[s]); l; l = next) {
			next = TAILQ_NEXT(l, queue);
			free(l->name);
			free(l);
		}
	}
	free(ls->by_addr);
	free(ls->by_key);
	free(ls->heap);
}

struct lease *
lease_of_addr(const struct leases *ls, uint32_t addr)
{
	struct lease *l = *addr_bucket(ls, addr);

	while (l && l->addr != addr)
		l = l->next_addr;
	return l;
}

struct lease *
lease_of_key(const struct leases *ls, const uint8_t *key, size_t len)
{
	struct lease *l = *key_bucket(ls, key, len);

	while (l && (l->key_len != len || memcmp(l->key, key, len)))
		l = l->next_key;
	return l;
}

static void
heap_put(struct leases *ls, size_t at, struct lease *l)
{
	ls->heap[at] = l;
	l->heap = (uint32_t)at;
}

static void
heap_up(struct leases *ls, struct lease *l)
{
	size_t at = l->heap;

	for (; at > 1 && ls->heap[at / 2]->until > l->until; at /= 2)
		heap_put(ls, at, ls->heap[at / 2]);
	heap_put(ls, at, l);
}

static void
heap_down(struct leases *ls, struct lease *l)
{
	size_t at = l->heap, child;

	for (; (child = 2 * at) <= ls->heap_len; at = child) {
		if (child < ls->heap_len && ls->heap[child + 1]->until < ls->heap[child]->until)
			child++;
		if (ls->heap[child]->until >= l->until)
			break;
		heap_put(ls, at, ls->heap[child]);
	}
	heap_put(ls, at, l);
}

static void
heap_insert(struct leases *ls, struct lease *l)
{
	if (ls->heap_len + 1 >= ls->heap_room) {
		ls->heap_room = ls->heap_room ? 2 * ls->heap_room : BUCKETS_MIN;
		ls->heap = need(reallocarray(ls->heap, ls->heap_room, sizeof(*ls->heap)));
	}
	heap_put(ls, ++ls->heap_len, l);
	heap_up(ls, l);
}

static void
heap_remove(struct leases *ls, struct lease *l)
{
	struct lease *last = ls->heap[ls->heap_len--];

	if (last != l) {
		heap_put(ls, l->heap, last);
		heap_up(ls, last);
		heap_down(ls, last);
	}
	l->heap = 0;
}

static void
enter_state(struct leases *ls, struct lease *l, enum lease_state state, int64_t until)
{
	l->state = state;
	l->until = until;
	TAILQ_INSERT_TAIL(&ls->queue[state], l, queue);
	ls->counts[state]++;
	if (state == LEASE_BOUND && until != LEASE_NEVER)
		heap_insert(ls, l);
}

static void
leave_state(struct leases *ls, struct lease *l)
{
	TAILQ_REMOVE(&ls->queue[l->state], l, queue);
	ls->counts[l->state]--;
	if (l->heap)
		heap_remove(ls, l);
}

struct lease *
lease_add(struct leases *ls, uint32_t addr, const uint8_t *key, size_t len, const uint8_t mac[6], enum lease_state state, int64_t until)
{
	struct lease *l = need(calloc(1, sizeof(*l) + len));

	l->addr = addr;
	memcpy(l->mac, mac, 6);
	memcpy(l->key, key, len);
	l->key_len = (uint8_t)len;
	enter_state(ls, l, state, until);
	if (++ls->count > ls->buckets)
		make_buckets(ls, 4 * ls->buckets);
	else
		link_buckets(ls, l);
	return l;
}

void
lease_set(struct leases *ls, struct lease *l, enum lease_state state, int64_t until)
{
	leave_state(ls, l);
	enter_state(ls, l, state, until);
}

void
lease_set_name(struct lease *l, const char *name, size_t len)
{
	if (l->name ? strlen(l->name) == len && !memcmp(l->name, name, len) : !len)
		return;
	free(l->name);
	l->name = len ? need(strndup(name, len)) : NULL;
}

void
lease_delete(struct leases *ls, struct lease *l)
{
	struct lease **a = addr_bucket(ls, l->addr), **k = key_bucket(ls, l->key, l->key_len);

	while (*a != l)
		a = &(*a)->next_addr;
	*a = l->next_addr;
	while (*k != l)
		k = &(*k)->next_key;
	*k = l->next_key;
	leave_state(ls, l);
	ls->count--;
	free(l->name);
	free(l);
}

/* Offers last equally long, and so does what is set aside: the first of these is the next. */
static struct lease *
next_over(const struct leases *ls)
{
	struct lease *next = ls->heap_len ? ls->heap[1] : NULL;
	static const enum lease_state queued[] = {LEASE_OFFERED, LEASE_SET_ASIDE};

	for (int i = 0; i < 2; i++) {
		struct lease *l = TAILQ_FIRST(&ls->queue[queued[i]]);

		if (l && (!next || l->until < next->until))
			next = l;
	}
	return next;
}

struct lease *
lease_over(const struct leases *ls, int64_t now)
{
	struct lease *l = next_over(ls);

	return l && l->until <= now ? l : NULL;
}

int64_t
leases_next(const struct leases *ls)
{
	struct lease *l = next_over(ls);

	return l ? l->until : LEASE_NEVER;
}
