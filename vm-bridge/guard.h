/* SPDX-License-Identifier: ISC */
/*
 * The process behind adopt. It makes the change, so that losing the terminal in the middle of it does no harm, and takes it
 * back after a time, unless it is told through its socket, DIR/BRIDGE, that all is well.
 */
#ifndef VM_BRIDGE_GUARD_H
#define VM_BRIDGE_GUARD_H

#include "vm-bridge/change.h"

struct guard {
	struct netlink *nl;
	struct link br, nic;
	struct adopted adopted;
	unsigned seconds;
	const char *dir;
	int listener; /* guard_listen's */
	int program;  /* bypass_load's */
};

/* Makes the directory and the socket. Dies when it cannot. */
void guard_listen(struct guard *g, const char *bridge);
/* Takes the socket away again. */
void guard_cancel(const struct guard *g, const char *bridge);

/* Starts the process and waits for its change. False when that failed, which was told and undone. */
bool guard_adopt(struct guard *g);

/* Tells the guard of a bridge a word, "confirm" or "release", and prints what it says if that is not "ok".
 * 0, 1 when it refused, -1 when there is no guard. */
int guard_tell(const char *dir, const char *bridge, const char *word);

#endif
