/* SPDX-License-Identifier: ISC */
/* The networks that are served: that of the link, and those behind relays. Addresses in host order. */
#ifndef VM_DHCPD_SUBNET_H
#define VM_DHCPD_SUBNET_H

#include <netinet/in.h>

#include "vm-dhcpd/options.h"

struct subnet {
	uint32_t addr, mask;
	struct range ranges[RANGES_MAX]; /* of which none holds the network's own or its broadcast address */
	size_t nranges;
	uint32_t total;
};

struct subnets {
	struct subnet *v; /* the first is the link's */
	size_t n;
	uint32_t host;		     /* the server's own address */
	size_t total;		     /* addresses that are leased */
	const struct guest *guests;  /* by what they are, in order */
	const struct guest **by_addr; /* by address */
	size_t nguests;
};

/* Sorts the options' ranges into networks; dies when one is outside of all. */
void subnets_init(struct subnets *s, const struct options *o, uint32_t host, unsigned prefix_len);

void subnets_done(struct subnets *s);

/* The server's address, networks, ranges and guests; a name, a tab and a value a line. */
void subnets_print(const struct subnets *s);

/* The network an address is in, or NULL. */
const struct subnet *subnet_of(const struct subnets *s, uint32_t addr);

/* The index-th address that is leased there, 0 to total - 1; and whether one is. */
uint32_t subnet_address(const struct subnet *s, uint32_t index);
bool subnet_leases(const struct subnet *s, uint32_t addr);

const struct guest *guest_find(const struct subnets *s, enum guest_by by, const void *id, size_t len);
const struct guest *guest_of_addr(const struct subnets *s, uint32_t addr);

#endif
