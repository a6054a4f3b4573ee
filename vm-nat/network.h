/* SPDX-License-Identifier: ISC */
/* A network of guests, and what is to be done for it. */
#ifndef VM_NAT_NETWORK_H
#define VM_NAT_NETWORK_H

#include "common/netlink.h"
#include "common/prefix.h"
#include "vm-nat/forward.h"

#define OUT_COMMENT "out " /* of rules that count what guests send out; the network stands behind it */
#define NETS_MAX 8
#define FORWARDS_MAX 256

struct network {
	const char *bridge;	     /* the guests' interface, or NULL */
	const char *via;	     /* the only interface that they leave by, or NULL: any */
	struct prefix nets[NETS_MAX];
	char names[NETS_MAX][64]; /* OUT_COMMENT and the network, as text */
	size_t nnets;
	struct prefix from4, from6;  /* the address that they are seen with; family 0: that of the interface they leave by */
	bool no4, no6;
	bool restricted;	     /* they reach this host and each other only */
	bool separate;		     /* they do not reach each other */
	struct forward forwards[FORWARDS_MAX];
	const char *words[FORWARDS_MAX]; /* of -p */
	size_t nforwards;
};

/* Adds a network of guests, unless it is part of one that is there. False when there are too many. */
bool network_add(struct network *n, struct prefix p);

/* The networks of the guests' interface, where none was given; of the families wanted. Dies when there is none. */
void network_resolve(struct network *n, struct netlink *route);

/* The guest of each forward is in one of the networks, the forwards do not contradict each other, nothing is for nobody. Exits 2. */
void network_check(const struct network *n);

/* The family has a network; a forward. A forward is reached from 127.0.0.1. */
bool network_has(const struct network *n, int family);
bool network_forwards(const struct network *n, int family);
bool network_forwards_loopback(const struct network *n);

#endif
