/* SPDX-License-Identifier: ISC */
/* -n: what would be done. */
#ifndef VM_TAP_PLAN_H
#define VM_TAP_PLAN_H

#include "common/netlink.h"
#include "vm-tap/options.h"

/* Checks all that can be without making anything, dying as the deed would, and prints the tap, a name and a value a line. */
void plan(struct netlink *nl, const struct options *o);

#endif
