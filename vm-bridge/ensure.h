/* SPDX-License-Identifier: ISC */
/* Making a bridge what it was asked to be: what is so already is left alone, what is otherwise is an error. */
#ifndef VM_BRIDGE_ENSURE_H
#define VM_BRIDGE_ENSURE_H

#include "common/netlink.h"
#include "vm-bridge/options.h"

struct ensured {
	bool made;		   /* the bridge was not there before */
	bool rules;		   /* firewalls were told to let it through */
	struct netlink_batch undo; /* takes back the rest of what was done, and nothing else; to be committed or discarded */
};

/*
 * Makes the bridge of o, with the ports given. All that can be is checked before anything is changed; when a change fails all
 * the same, those before it are taken back. Both end the process. With o->check what is missing is printed instead of made.
 */
void ensure(struct netlink *nl, const struct options *o, char *const *ports, struct ensured *e);

#endif
