/* SPDX-License-Identifier: ISC */
/* Addresses of interfaces: the words of -a, and the kernel's attributes for them. */
#ifndef VM_BRIDGE_IFADDR_H
#define VM_BRIDGE_IFADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/netlink.h"
#include "common/prefix.h"

/* Takes "192.168.122.1/24" or "fd00::1/64": a host's address, with a length. NULL, or why not. */
const char *ifaddr_parse(struct prefix *a, const char *word);

/* Bytes of an address of the family. */
size_t ifaddr_size(int family);

/* From a message of a dump of addresses, if it is one of that interface's. */
bool ifaddr_read(struct nlmsghdr *h, int index, struct prefix *a);

/* Adds a message that adds the address (RTM_NEWADDR) or takes it away (RTM_DELADDR); name is the interface's. */
void ifaddr_change(struct netlink_batch *b, int type, int index, const char *name, const struct prefix *a);

#endif
