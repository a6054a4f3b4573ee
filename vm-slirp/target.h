/* SPDX-License-Identifier: ISC */
/* The host's end of a guest forward: a command, a socket somewhere, smbd. */
#ifndef VM_SLIRP_TARGET_H
#define VM_SLIRP_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "vm-slirp/options.h"

#define COMMANDS_MAX 128 /* at once: a guest does not fill the host with processes */

struct targets {
	const struct options *o;
	pid_t commands[COMMANDS_MAX]; /* process groups of which something runs; 0: a free place */
	char smb_state[64]; /* smbd's own directory, or empty */
	char smbd[256];
};

/* For -W: finds smbd and writes its configuration into a directory of its own. Dies when it cannot. */
void targets_open(struct targets *t, const struct options *o);

/* Ends the commands that still run, by force after a second, and removes what targets_open made. */
void targets_close(struct targets *t);

/* A child was reaped. True when it was a command. */
bool targets_ended(struct targets *t, pid_t pid);

/* A new connection to guestfwd `index`: a non-blocking socket, or -1 after a warning. */
int targets_connect(struct targets *t, unsigned index);

#endif
