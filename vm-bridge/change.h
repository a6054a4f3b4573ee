/* SPDX-License-Identifier: ISC */
/* The change of adopt, and the way back. */
#ifndef VM_BRIDGE_CHANGE_H
#define VM_BRIDGE_CHANGE_H

#include <stdbool.h>

#include "common/link.h"

/* Which NIC a bridge has adopted is written on the bridge itself, as its alias: it is known as long as it is true. */
struct adopted {
	char nic[IFNAMSIZ];
	bool made; /* the bridge was made for it, and goes with it */
};

/* From a bridge's alias; false when it says nothing of the kind. */
bool adopted_read(struct adopted *a, const char *alias);

/*
 * The bridge, with the NIC's MAC address, MTU and ways to treat packets; made unless it is there. The NIC is not touched. False
 * when it cannot be used, which was told.
 */
bool change_prepare(struct netlink *nl, const char *bridge, const struct link *nic, struct link *br, struct adopted *a);

/* What change_prepare made is taken away. */
void change_cancel(struct netlink *nl, const struct link *br, const struct adopted *a);

/* There and back, with bypass_load's program for the bridge. What returns false has said why; the change was taken back, the way
 * back was not begun. */
bool change_adopt(struct netlink *nl, const struct link *br, const struct link *nic, const struct adopted *a, int program);
bool change_release(struct netlink *nl, const struct link *br, int program);

#endif
