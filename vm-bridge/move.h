/* SPDX-License-Identifier: ISC */
/*
 * Moving what makes hosts reachable from one interface to another, of the same MAC address on the same cable: addresses with
 * their flags and lifetimes, routes of all tables, nexthops, neighbours. All is first there twice, then once, so that at no
 * time it is not there at all. What names an interface otherwise (rules of policy routing, firewalls, memberships of sockets
 * in multicast groups) is not touched.
 */
#ifndef VM_BRIDGE_MOVE_H
#define VM_BRIDGE_MOVE_H

#include "common/link.h"
#include "common/netlink.h"

/*
 * To be sent in this order. A host does not take packets for its addresses from an interface that has none (rp_filter in its
 * loose form), so the new one needs them before the first packet comes in there, and the old one until after the last; a route
 * through an interface wants it to run.
 */
struct move {
	struct netlink_batch add_addresses;
	struct netlink_batch add_connected; /* routes most of which come with the addresses: that they exist is no failure */
	struct netlink_batch add_rest;
	struct netlink_batch remove_rest, remove_addresses; /* only if nothing before failed */
	struct netlink_batch undo;			    /* takes what was added away again */
};

/* Writes all of it down, as the old interface is now. 0, or -errno with nl->why, and nothing written down. */
int move_plan(struct netlink *nl, const struct link *from, const struct link *to, struct move *m);

void move_discard(struct move *m);

#endif
