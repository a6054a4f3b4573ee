/* SPDX-License-Identifier: ISC */
/*
 * What a program's life holds up. Its table goes with the socket that it inherits. Settings of the kernel go with nothing;
 * so where some were changed a process watches a pipe that the program has an end of, and puts them back when it is gone.
 */
#ifndef VM_NAT_HOLD_H
#define VM_NAT_HOLD_H

#include "vm-nat/settings.h"

struct holder {
	struct netlink nl; /* of the watcher: its table has the record, and is there until all is put back. fd -1: none is needed */
	char table[TABLE_NAME_MAX];
};

/* Makes the record, if there is anything to remember, unless the ruleset has changed. 0, or -errno (-ERESTART) with nl.why. */
int holder_record(struct holder *h, const struct settings *s, uint32_t generation);

/* Starts the watcher, and puts it and the socket of the table into VM_WIRES, which stays usable. Dies. */
void holder_start(struct holder *h, struct netlink *table);

#endif
