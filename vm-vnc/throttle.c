/* SPDX-License-Identifier: ISC */
/* Limits on meetings and failures; the contracts are in throttle.h. */
#include <string.h>
#include <sys/mman.h>

#include "common/bytes.h"
#include "common/util.h"
#include "vm-vnc/peer.h"
#include "vm-vnc/throttle.h"

/* All zero: of nobody. */
struct key {
	uint8_t bytes[16];
};

/*
 * Each field is written whole, and read by others without a lock: whoever is killed in the midst leaves nothing locked. Two
 * failures at the same moment may count as one, which is the worst of it.
 */
struct throttle {
	struct meeting {
		struct key key;
		int64_t until; /* 0: free */
		bool far;      /* with another host */
	} meetings[THROTTLE_ALL];
	struct failing {
		struct key key;
		unsigned count;
		int64_t wait_until, last;
	} failing[THROTTLE_ADDRESSES];
};

struct throttle *
throttle_new(void)
{
	void *p = mmap(NULL, sizeof(struct throttle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
throttle_forget(struct throttle *t)
{
	munmap(t, sizeof(*t));
}

static struct key
key_of(const union address *a)
{
	struct key k = {{0}};

	if (a->sa.sa_family == AF_INET6)
		memcpy(k.bytes, &a->in6.sin6_addr, 8);
	else if (a->sa.sa_family == AF_INET)
		memcpy(k.bytes + 12, &a->in.sin_addr, 4);
	return k;
}

static bool
same(const struct key *a, const struct key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct failing *
find(struct throttle *t, const struct key *k)
{
	if (bytes_zero(k, sizeof(*k)))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(t->failing); i++)
		if (t->failing[i].count && same(&t->failing[i].key, k))
			return &t->failing[i];
	return NULL;
}

/* Whether other hosts have all the meetings that they may have, and this is another one. */
static bool
is_crowded(const struct throttle *t, const union address *a, int64_t now)
{
	unsigned far = 0;

	for (size_t i = 0; i < ARRAY_LEN(t->meetings); i++)
		far += t->meetings[i].until > now && t->meetings[i].far;
	return !peer_is_local(a) && far >= THROTTLE_FAR;
}

int
throttle_begin(struct throttle *t, const union address *a, int64_t now)
{
	struct key k = key_of(a);
	const struct failing *f = find(t, &k);
	unsigned his = 0;
	int free = -1;

	if ((f && now < f->wait_until) || is_crowded(t, a, now))
		return -1;
	for (int i = 0; i < THROTTLE_ALL; i++) {
		const struct meeting *m = &t->meetings[i];

		if (m->until <= now)
			free = i;
		else if (same(&m->key, &k))
			his++;
	}
	if (free < 0 || (his >= THROTTLE_ONE && a->sa.sa_family != AF_UNIX))
		return -1;
	t->meetings[free] = (struct meeting){k, now + THROTTLE_MEETING, !peer_is_local(a)};
	return free;
}

void
throttle_end(struct throttle *t, int meeting)
{
	t->meetings[meeting].until = 0;
}

/* A place for one more; else that of the one who was wrong the longest ago. */
static struct failing *
place(struct throttle *t)
{
	struct failing *oldest = t->failing;

	for (size_t i = 0; i < ARRAY_LEN(t->failing); i++) {
		if (!t->failing[i].count)
			return &t->failing[i];
		if (t->failing[i].last < oldest->last)
			oldest = &t->failing[i];
	}
	return oldest;
}

void
throttle_failed(struct throttle *t, const union address *a, int64_t now)
{
	struct key k = key_of(a);
	struct failing *f = find(t, &k);
	int64_t wait = THROTTLE_WAIT;

	if (bytes_zero(&k, sizeof(k)))
		return;
	if (!f) {
		f = place(t);
		*f = (struct failing){.key = k};
	}
	f->count++;
	f->last = now;
	if (f->count < THROTTLE_FAILURES)
		return;
	for (unsigned i = THROTTLE_FAILURES; i < f->count && wait < THROTTLE_WAIT_MAX; i++)
		wait *= 2;
	f->wait_until = now + wait;
}

void
throttle_passed(struct throttle *t, const union address *a)
{
	struct key k = key_of(a);
	struct failing *f = find(t, &k);

	if (f)
		f->count = 0;
}
