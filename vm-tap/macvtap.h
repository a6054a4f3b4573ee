/* SPDX-License-Identifier: ISC */
/* Macvtaps: branches of a network device, each with a MAC address of its own. */
#ifndef VM_TAP_MACVTAP_H
#define VM_TAP_MACVTAP_H

#include "common/link.h"
#include "vm-tap/want.h"

/* As tap_add and tap_take, dying as they do. One that was made to be taken is deleted when t->hold is closed everywhere. */
bool macvtap_add(struct netlink *nl, const struct want *w, struct tap *t);
void macvtap_take(struct netlink *nl, const struct want *w, struct tap *t);

/* The device that it is to branch off; dies when it cannot. */
void macvtap_lower(struct netlink *nl, const struct want *w, struct link *l);

#endif
