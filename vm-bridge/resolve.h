/* SPDX-License-Identifier: ISC */
/* Names of hosts. */
#ifndef VM_BRIDGE_RESOLVE_H
#define VM_BRIDGE_RESOLVE_H

#include "common/address.h"

/* The first address that this host's name services know for the name; its port is 0. False when there is none. */
bool resolve(const char *name, union address *a);

#endif
