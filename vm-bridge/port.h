/* SPDX-License-Identifier: ISC */
/* Interfaces as ports of a bridge. */
#ifndef VM_BRIDGE_PORT_H
#define VM_BRIDGE_PORT_H

#include "common/link.h"

/*
 * Looks the interface up and dies, saying why, when it cannot be a port of the bridge: it is none, is a bridge itself or no
 * Ethernet, is in another bridge, or is Wi-Fi (which force passes over). bridge_index is 0 when that is yet to be made.
 */
void port_check(struct netlink *nl, const char *name, const char *bridge, int bridge_index, bool force, struct link *port);

/* Adds a message that makes the port a port and sets it up; one that undoes just that, given what it was before. */
void port_join(struct netlink_batch *b, const struct link *port, int bridge_index, const char *bridge);
void port_leave(struct netlink_batch *b, const struct link *before, const char *bridge);

#endif
