/* SPDX-License-Identifier: ISC */
/* What others want to know of leases: they read the log, not the server. */
#ifndef VM_DHCPD_QUERY_H
#define VM_DHCPD_QUERY_H

#include "vm-dhcpd/options.h"

/* Prints the leases that are bound now. The exit status. */
int query_list(const struct options *o);

/* Prints the address that o->mac has, as soon as it has one. 0, or 1 when o->wait_seconds are over. */
int query_wait(const struct options *o);

#endif
