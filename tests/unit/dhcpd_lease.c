/* SPDX-License-Identifier: ISC */
/* The table of leases against a simple one: thousands of random changes, and every answer compared. */
/* links: vm-dhcpd/lease.c */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/lease.h"

#define ADDRS 500

static struct leases ls;
static struct {
	struct lease *lease;
	enum lease_state state;
	int64_t until;
} plain[ADDRS];

static void
key_of(unsigned addr, uint8_t key[3])
{
	key[0] = 0;
	key[1] = (uint8_t)(addr >> 8);
	key[2] = (uint8_t)addr;
}

static bool
same(void)
{
	size_t counts[LEASE_STATES] = {0}, count = 0;
	int64_t next = LEASE_NEVER;
	uint8_t key[3];

	for (unsigned i = 0; i < ADDRS; i++) {
		key_of(i, key);
		if (lease_of_addr(&ls, i) != plain[i].lease || lease_of_key(&ls, key, 3) != plain[i].lease)
			return false;
		if (!plain[i].lease)
			continue;
		count++;
		counts[plain[i].state]++;
		if (plain[i].state != LEASE_PAST && plain[i].until < next)
			next = plain[i].until;
		if (plain[i].lease->state != plain[i].state || plain[i].lease->until != plain[i].until)
			return false;
	}
	return count == ls.count && !memcmp(counts, ls.counts, sizeof(counts)) && leases_next(&ls) == next;
}

/* Offers and what is set aside last equally long, so they get ever later times. */
static int64_t
random_time(enum lease_state state, int64_t clock)
{
	return state != LEASE_BOUND ? clock : random() % 10 ? random() % 100000 : LEASE_NEVER;
}

static void
test_random(void)
{
	static const uint8_t mac[6] = {0x52, 0x54};
	unsigned wrong = 0;
	uint8_t key[3];

	leases_init(&ls);
	for (int64_t clock = 1; clock < 20000; clock++) {
		unsigned i = (unsigned)random() % ADDRS;
		enum lease_state state = (enum lease_state)(random() % LEASE_STATES);
		int64_t until = random_time(state, clock);

		if (!plain[i].lease) {
			key_of(i, key);
			plain[i].lease = lease_add(&ls, i, key, 3, mac, state, until);
		} else if (random() % 4) {
			lease_set(&ls, plain[i].lease, state, until);
		} else {
			lease_delete(&ls, plain[i].lease);
			plain[i].lease = NULL;
		}
		plain[i].state = state;
		plain[i].until = until;
		if (clock % 50 == 0)
			wrong += !same();
	}
	ok(!wrong, "20000 random changes of %d leases", ADDRS);
	ok(ls.buckets >= ls.count, "with buckets enough");
}

static void
test_over(void)
{
	int64_t last = 0;
	unsigned n = 0, wrong = 0;
	struct lease *l;

	ok(!lease_over(&ls, 0), "nothing is over at first");
	while ((l = lease_over(&ls, 50000))) {
		wrong += l->until > 50000 || l->until < last || l->state == LEASE_PAST;
		last = l->until;
		lease_delete(&ls, l);
		n++;
	}
	ok(n > 50 && !wrong, "what is over comes in order, and nothing else does");
	leases_done(&ls);
}

static void
test_name(void)
{
	static const uint8_t mac[6] = {0x52, 0x54}, key[3] = {0};
	struct lease *l;

	leases_init(&ls);
	l = lease_add(&ls, 1, key, 3, mac, LEASE_BOUND, 5);
	ok(!l->name, "no name at first");
	lease_set_name(l, "web1", 3);
	is(l->name, "web", "a name");
	lease_set_name(l, "web", 3);
	lease_set_name(l, "mail", 4);
	is(l->name, "mail", "another");
	lease_set_name(l, "", 0);
	ok(!l->name, "none again");
	ok(!lease_of_key(&ls, key, 2), "a key is compared as a whole");
	leases_done(&ls);
}

int
main(void)
{
	srandom(1);
	test_random();
	test_over();
	test_name();
	return tap_done();
}
