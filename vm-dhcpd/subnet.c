/* SPDX-License-Identifier: ISC */
/* Networks, ranges and guests, to be looked up; the contracts are in subnet.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-dhcpd/subnet.h"

static uint32_t
mask_of(unsigned prefix_len)
{
	return UINT32_MAX << (32 - prefix_len);
}

static const char *
text(uint32_t addr)
{
	return inet_ntoa((struct in_addr){.s_addr = htonl(addr)});
}

static struct subnet *
get_subnet(struct subnets *s, uint32_t addr, unsigned prefix_len)
{
	uint32_t mask = mask_of(prefix_len);

	for (size_t i = 0; i < s->n; i++)
		if ((addr & s->v[i].mask) == s->v[i].addr || (s->v[i].addr & mask) == (addr & mask)) {
			if (s->v[i].mask != mask)
				die_usage("-L %s/%u: a network of another length is there", text(addr), prefix_len);
			return &s->v[i];
		}
	s->v[s->n] = (struct subnet){.addr = addr & mask, .mask = mask};
	return &s->v[s->n++];
}

/* Without those that no host can have, and without the server's own. */
static void
add_range(struct subnet *n, uint32_t first, uint32_t last, uint32_t host)
{
	if (first == n->addr)
		first++;
	if (last == (n->addr | ~n->mask))
		last--;
	if (host >= first && host <= last) {
		if (host > first)
			add_range(n, first, host - 1, host);
		first = host + 1;
	}
	if (first > last)
		return;
	if (n->nranges == RANGES_MAX)
		die_usage("-L %s: more ranges than there is room for", text(first));
	n->ranges[n->nranges++] = (struct range){.first = first, .last = last};
	n->total += last - first + 1;
}

static int
compare_guests(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? -1 : 1;
	if (x->id_len != y->id_len)
		return x->id_len < y->id_len ? -1 : 1;
	return memcmp(x->id, y->id, x->id_len);
}

static int
compare_addrs(const void *a, const void *b)
{
	const struct guest *const *x = a, *const *y = b;

	return (*x)->addr < (*y)->addr ? -1 : (*x)->addr > (*y)->addr;
}

static void
sort_guests(struct subnets *s, const struct pool *p)
{
	s->guests = p->guests;
	s->nguests = p->nguests;
	s->by_addr = calloc(p->nguests + 1, sizeof(*s->by_addr));
	if (!s->by_addr)
		die("out of memory");
	if (p->nguests)
		qsort(p->guests, p->nguests, sizeof(*p->guests), compare_guests);
	for (size_t i = 0; i < p->nguests; i++) {
		s->by_addr[i] = &p->guests[i];
		if (p->guests[i].addr == s->host)
			die_usage("-L %s: the server's own address", text(s->host));
		if (!subnet_of(s, p->guests[i].addr))
			die_usage("-L %s: in no network that is served", text(p->guests[i].addr));
	}
	if (p->nguests)
		qsort(s->by_addr, s->nguests, sizeof(*s->by_addr), compare_addrs);
}

void
subnets_init(struct subnets *s, const struct options *o, uint32_t host, unsigned prefix_len)
{
	struct subnet *home;

	*s = (struct subnets){.host = host, .v = calloc(o->pool.nranges + 1, sizeof(*s->v))};
	if (!s->v)
		die("out of memory");
	home = get_subnet(s, host, prefix_len);
	for (size_t i = 0; i < o->pool.nranges; i++) {
		const struct range *r = &o->pool.ranges[i];

		if (!r->prefix_len && ((r->first & home->mask) != home->addr || (r->last & home->mask) != home->addr))
			die_usage("-L %s: not in the network %s/%u; one behind a relay is given with its length", text(r->first),
			    inet_ntop(AF_INET, &(uint32_t){htonl(home->addr)}, (char[INET_ADDRSTRLEN]){0}, INET_ADDRSTRLEN), prefix_len);
		add_range(r->prefix_len ? get_subnet(s, r->first, r->prefix_len) : home, r->first, r->last, host);
	}
	if (!home->nranges && !o->pool.none)
		add_range(home, home->addr, home->addr | ~home->mask, host);
	for (size_t i = 0; i < s->n; i++)
		s->total += s->v[i].total;
	sort_guests(s, &o->pool);
}

void
subnets_done(struct subnets *s)
{
	free(s->v);
	free(s->by_addr);
}

static void
print_guest(const struct guest *g)
{
	static const char *const by[] = {[GUEST_BY_MAC] = "mac ", [GUEST_BY_NAME] = "name ", [GUEST_BY_ID] = "id "};

	printf("guest\t%s", by[g->by]);
	for (size_t i = 0; i < g->id_len; i++)
		printf(g->by == GUEST_BY_NAME ? "%c" : i ? ":%02x" : "%02x", g->id[i]);
	printf("\t%s\t%s\n", text(g->addr), g->name ? g->name : "");
}

void
subnets_print(const struct subnets *s)
{
	printf("address\t%s\n", text(s->host));
	for (size_t i = 0; i < s->n; i++) {
		const struct subnet *n = &s->v[i];

		printf("network\t%s/%d\n", text(n->addr), __builtin_popcount(n->mask));
		for (size_t k = 0; k < n->nranges; k++) {
			printf("range\t%s", text(n->ranges[k].first));
			printf("-%s\n", text(n->ranges[k].last));
		}
	}
	for (size_t i = 0; i < s->nguests; i++)
		print_guest(&s->guests[i]);
}

const struct subnet *
subnet_of(const struct subnets *s, uint32_t addr)
{
	for (size_t i = 0; i < s->n; i++)
		if ((addr & s->v[i].mask) == s->v[i].addr)
			return &s->v[i];
	return NULL;
}

uint32_t
subnet_address(const struct subnet *s, uint32_t index)
{
	const struct range *r = s->ranges;

	for (; index > r->last - r->first; r++)
		index -= r->last - r->first + 1;
	return r->first + index;
}

bool
subnet_leases(const struct subnet *s, uint32_t addr)
{
	for (size_t i = 0; i < s->nranges; i++)
		if (addr >= s->ranges[i].first && addr <= s->ranges[i].last)
			return true;
	return false;
}

const struct guest *
guest_find(const struct subnets *s, enum guest_by by, const void *id, size_t len)
{
	struct guest wanted = {.by = by, .id_len = len};

	if (len > ID_MAX || !s->nguests)
		return NULL;
	memcpy(wanted.id, id, len);
	return bsearch(&wanted, s->guests, s->nguests, sizeof(wanted), compare_guests);
}

const struct guest *
guest_of_addr(const struct subnets *s, uint32_t addr)
{
	const struct guest wanted = {.addr = addr}, *key = &wanted, **found;

	if (!s->nguests)
		return NULL;
	found = bsearch(&key, s->by_addr, s->nguests, sizeof(key), compare_addrs);
	return found ? *found : NULL;
}
