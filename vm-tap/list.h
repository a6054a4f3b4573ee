/* SPDX-License-Identifier: ISC */
/* What is there. */
#ifndef VM_TAP_LIST_H
#define VM_TAP_LIST_H

#include "common/netlink.h"

/* Prints the taps and macvtaps of this namespace, a line each. */
void list(struct netlink *nl, bool json);

#endif
