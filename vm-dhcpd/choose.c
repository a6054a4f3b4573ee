/* SPDX-License-Identifier: ISC */
/*
 * Which address a client gets (RFC 2131, 4.3.1): the one set aside for it, the one it has or had, the one it asks for, else
 * one computed from who it is, so that it is mostly the same even when nothing was remembered.
 */
#include <arpa/inet.h>
#include <string.h>

#include "vm-dhcpd/server.h"

#define GUESSES 32 /* computed addresses, before the rest is gone through */

/* Not secret: the same client shall get the same address from every server (FNV-1a, with a finish that mixes). */
static uint32_t
hash(const uint8_t *key, size_t len, uint32_t n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ n;

	for (size_t i = 0; i < len; i++)
		h = (h ^ key[i]) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	return (uint32_t)(h >> 32);
}

bool
choose_allows(const struct server *s, const struct request *r, uint32_t addr)
{
	const struct guest *owner = guest_of_addr(&s->subnets, addr);

	if (!r->subnet || (addr & r->subnet->mask) != r->subnet->addr)
		return false;
	if (r->own)
		return addr == r->own;
	return !owner && subnet_leases(r->subnet, addr);
}

/* The address has no lease, and may have one of this client's. */
static bool
is_free(const struct server *s, const struct request *r, uint32_t addr)
{
	return choose_allows(s, r, addr) && !lease_of_addr(&s->journal.leases, addr);
}

static struct lease *
offer(struct server *s, const struct request *r, uint32_t addr)
{
	return lease_add(&s->journal.leases, addr, r->key, r->key_len, r->message.chaddr, LEASE_OFFERED, lease_clock() + OFFER_SECONDS);
}

/* The lease that is longest in this state and would do. */
static struct lease *
oldest(const struct server *s, const struct request *r, enum lease_state state)
{
	struct lease *l;

	TAILQ_FOREACH(l, &s->journal.leases.queue[state], queue)
		if (choose_allows(s, r, l->addr))
			return l;
	return NULL;
}

/* Whose lease has run out loses it when no address is left; then who was offered one and did not come; then what was declined. */
static struct lease *
take_over(struct server *s, const struct request *r)
{
	static const enum lease_state order[] = {LEASE_PAST, LEASE_OFFERED, LEASE_SET_ASIDE};
	struct lease *l = NULL;
	uint32_t addr;

	for (size_t i = 0; i < 3 && !l; i++)
		l = oldest(s, r, order[i]);
	if (!l)
		return NULL;
	addr = l->addr;
	lease_delete(&s->journal.leases, l);
	return offer(s, r, addr);
}

static struct lease *
choose_new(struct server *s, const struct request *r)
{
	uint32_t total = r->subnet->total, start;

	if (!total)
		return NULL;
	for (uint32_t n = 0; n < GUESSES; n++) {
		uint32_t addr = subnet_address(r->subnet, hash(r->key, r->key_len, n) % total);

		if (is_free(s, r, addr))
			return offer(s, r, addr);
	}
	start = hash(r->key, r->key_len, 0);
	for (uint32_t n = 0; n < total && s->journal.leases.count < s->subnets.total; n++) {
		uint32_t addr = subnet_address(r->subnet, (start + n) % total);

		if (is_free(s, r, addr))
			return offer(s, r, addr);
	}
	return take_over(s, r);
}

/* Whoever has got it otherwise keeps an address that is set aside for a guest until his lease is over. */
void
choose_own(const struct server *s, struct request *r)
{
	const struct lease *l = r->guest ? lease_of_addr(&s->journal.leases, r->guest->addr) : NULL;
	bool another = l && (l->key_len != r->key_len || memcmp(l->key, r->key, r->key_len));

	r->own = 0;
	if (!r->guest || subnet_of(&s->subnets, r->guest->addr) != r->subnet)
		return;
	if (!another || l->state == LEASE_PAST || l->state == LEASE_OFFERED)
		r->own = r->guest->addr;
}

struct lease *
choose_lease(struct server *s, const struct request *r, struct in_addr wish)
{
	struct lease *l = lease_of_key(&s->journal.leases, r->key, r->key_len);

	if (l && choose_allows(s, r, l->addr)) {
		if (l->state == LEASE_PAST) {
			l->past = true;
			l->probed = false;
			lease_set(&s->journal.leases, l, LEASE_OFFERED, lease_clock() + OFFER_SECONDS);
		}
		return l;
	}
	if (l)
		lease_delete(&s->journal.leases, l);
	if (r->own) {
		l = lease_of_addr(&s->journal.leases, r->own);
		if (l)
			lease_delete(&s->journal.leases, l);
		return offer(s, r, r->own);
	}
	if (wish.s_addr && is_free(s, r, ntohl(wish.s_addr)))
		return offer(s, r, ntohl(wish.s_addr));
	return choose_new(s, r);
}
