/* SPDX-License-Identifier: ISC */
/* What a new tap is told. */
#ifndef VM_TAP_SETTLE_H
#define VM_TAP_SETTLE_H

#include "common/link.h"
#include "vm-tap/want.h"

/* Gives a tap just made its address and MTU, makes it a port of its bridge, and sets it up. 0 or -errno with nl->why. */
int settle(struct netlink *nl, const struct want *w, const struct tap *t, const struct link *bridge);

#endif
