/* SPDX-License-Identifier: ISC */
/* Between leases and their records; the contracts are in journal.h. */
#include <string.h>
#include <time.h>

#include "vm-dhcpd/journal.h"

/* Leases run by a clock that nobody sets; the log is in the time of day, which may be set right long after the start. */
static int64_t
epoch_now(void)
{
	return (int64_t)time(NULL) - lease_clock();
}

void
journal_init(struct journal *j)
{
	leases_init(&j->leases);
	j->epoch = epoch_now();
}

struct record
journal_record(const struct lease *l)
{
	static const enum record_what what[] = {
	    [LEASE_BOUND] = RECORD_BOUND, [LEASE_PAST] = RECORD_PAST, [LEASE_SET_ASIDE] = RECORD_ASIDE};
	struct record r = {.what = what[l->state], .addr = l->addr, .until = l->until == LEASE_NEVER ? INT64_MAX : l->until + epoch_now()};

	memcpy(r.mac, l->mac, 6);
	if (l->key[0] == GUEST_BY_ID) {
		r.id_len = (uint8_t)(l->key_len - 1);
		memcpy(r.id, l->key + 1, r.id_len);
	}
	if (l->name)
		strcpy(r.name, l->name);
	return r;
}

/* It is its own key: no client's begins so. */
struct lease *
journal_set_aside(struct journal *j, uint32_t addr, int64_t until)
{
	static const uint8_t nobody[6];
	uint8_t key[5] = {UINT8_MAX};

	memcpy(key + 1, &addr, sizeof(addr));
	return lease_add(&j->leases, addr, key, sizeof(key), nobody, LEASE_SET_ASIDE, until);
}

void
journal_replay(void *arg, const struct record *r)
{
	struct journal *j = arg;
	int64_t until = r->until == INT64_MAX ? LEASE_NEVER : r->until - j->epoch, aside_max = lease_clock() + ASIDE_SECONDS;
	uint8_t key[KEY_MAX] = {r->id_len ? GUEST_BY_ID : GUEST_BY_MAC};
	size_t len = 1 + (r->id_len ? r->id_len : 6u);
	struct lease *l = lease_of_addr(&j->leases, r->addr);

	if (l)
		lease_delete(&j->leases, l);
	if (r->what == RECORD_ASIDE) {
		/* Not longer than it may be, should the clock have been wrong. */
		journal_set_aside(j, r->addr, until > aside_max ? aside_max : until);
		return;
	}
	memcpy(key + 1, r->id_len ? r->id : r->mac, len - 1);
	l = lease_of_key(&j->leases, key, len);
	if (l)
		lease_delete(&j->leases, l);
	l = lease_add(&j->leases, r->addr, key, len, r->mac, r->what == RECORD_BOUND ? LEASE_BOUND : LEASE_PAST, until);
	lease_set_name(l, r->name, strlen(r->name));
}
