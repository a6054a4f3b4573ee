/* SPDX-License-Identifier: ISC */
/* New bridges. */
#ifndef VM_BRIDGE_NEW_H
#define VM_BRIDGE_NEW_H

#include "common/link.h"
#include "common/netlink.h"

/*
 * Into the batch: a bridge of that name, which must not be there yet, set up, with the MAC address and, unless it is 0, the MTU.
 * What the settings leave open is the kernel's choice, but for the spanning tree: there is none, hence no delay before frames
 * pass.
 */
void new_bridge(struct netlink_batch *b, const char *name, struct attrs settings, const uint8_t mac[6], unsigned mtu);

#endif
