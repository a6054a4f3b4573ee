/* SPDX-License-Identifier: ISC */
/* The verbs that only look. */
#ifndef VM_NAT_SHOW_H
#define VM_NAT_SHOW_H

#include "vm-nat/options.h"

/* Our networks: name, kept or held, by which process, and their addresses. */
void show_list(const struct options *o);

/* What a network's rules have counted. Dies when there is none of that name. */
void show_network(const struct options *o);

#endif
