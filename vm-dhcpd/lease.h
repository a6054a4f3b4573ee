/* SPDX-License-Identifier: ISC */
/*
 * Who has which address. Each address and each client occurs once; what is looked for is found by hashing, what runs out
 * next by a heap. A lease that has run out is remembered, so that its client gets it again, until the address is needed.
 */
#ifndef VM_DHCPD_LEASE_H
#define VM_DHCPD_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "vm-dhcpd/pool.h"

#define KEY_MAX (1 + ID_MAX) /* whose a lease is: a kind, and a MAC address or client identifier */
#define LEASE_NEVER INT64_MAX /* runs out */

enum lease_state {
	LEASE_OFFERED, /* held for a moment; not written down */
	LEASE_BOUND,
	LEASE_PAST,	/* ran out or was given back */
	LEASE_SET_ASIDE, /* declined, or found in use by another */
	LEASE_STATES,
};

struct lease {
	struct lease *next_addr, *next_key; /* of the same bucket */
	TAILQ_ENTRY(lease) queue;	    /* all of one state, the longest so first */
	uint32_t addr;			    /* host order */
	uint32_t heap;			    /* its place there, from 1; 0: not bound, or for ever */
	enum lease_state state;
	bool probed; /* nobody else answered there */
	bool unsettled, fresh; /* bound, but nobody was told yet; and was not before */
	bool past;   /* offered, but was the client's before: falls back to LEASE_PAST */
	int64_t until; /* seconds of lease_clock; LEASE_NEVER */
	char *name;    /* the client's; NULL: none */
	uint8_t mac[6];
	uint8_t key_len;
	uint8_t key[];
};

struct leases {
	struct lease **by_addr, **by_key; /* as many buckets each, a power of two */
	size_t buckets, count;
	TAILQ_HEAD(lease_queue, lease) queue[LEASE_STATES];
	size_t counts[LEASE_STATES];
	struct lease **heap; /* bound ones that run out, the next first; from 1 */
	size_t heap_len, heap_room;
	uint64_t seed; /* clients shall not choose their buckets */
};

/* Seconds that also pass while the machine sleeps, from its start. */
int64_t lease_clock(void);

/* Dies without memory, as all of these do. */
void leases_init(struct leases *ls);
void leases_done(struct leases *ls);

struct lease *lease_of_addr(const struct leases *ls, uint32_t addr);
struct lease *lease_of_key(const struct leases *ls, const uint8_t *key, size_t len);

/* A lease for an address and a client that have none. */
struct lease *lease_add(struct leases *ls, uint32_t addr, const uint8_t *key, size_t len, const uint8_t mac[6], enum lease_state state, int64_t until);
void lease_set(struct leases *ls, struct lease *l, enum lease_state state, int64_t until);
void lease_set_name(struct lease *l, const char *name, size_t len); /* 0: none */
void lease_delete(struct leases *ls, struct lease *l);

/* The next lease whose time is over, bound, offered or set aside; NULL when none is. */
struct lease *lease_over(const struct leases *ls, int64_t now);

/* When that will be; LEASE_NEVER. */
int64_t leases_next(const struct leases *ls);

#endif
