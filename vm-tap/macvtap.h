/* SPDX-License-Identifier: ISC */
/* Macvtaps: branches of a network device, each with a MAC address of its own. */
#ifndef VM_TAP_MACVTAP_H
#define VM_TAP_MACVTAP_H

#include "vm-tap/link.h"

/* As tap_add and tap_take; dies as they do. A macvtap outlives its descriptors: one that is made (true) is for the caller to delete. */
bool macvtap_add(struct netlink *nl, const struct want *w, struct tap *t);

/* Opens its queues. */
void macvtap_open(const struct want *w, struct tap *t);

#endif
