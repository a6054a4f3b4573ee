/* SPDX-License-Identifier: ISC */
/* Doing and undoing: the verbs that change something. */
#ifndef VM_NAT_APPLY_H
#define VM_NAT_APPLY_H

#include "vm-nat/options.h"
#include "vm-nat/ruleset.h"

/* Opens a socket of the family, or dies. */
void open_netlink(struct netlink *nl, int family);

/* As ruleset_load; dies, with what may be missing, when it cannot. */
void read_ruleset(struct netlink *nl, struct ruleset *rs, bool all);

/*
 * Each returns when it is done, and dies with nothing changed when it cannot be. apply_hold does it for the caller's life:
 * it puts the descriptors that it depends on into VM_WIRES.
 */
void apply_add(struct options *o);
void apply_hold(struct options *o);
void apply_del(struct options *o);

/* Takes a table away, if it is there, and puts back what it remembers, unless another one needs it so. */
void undo_table(struct netlink *nl, const char *name);

#endif
