/* SPDX-License-Identifier: ISC */
/* The host's end of a guest forward: a command, a socket somewhere, smbd. */
#ifndef VM_SLIRP_TARGET_H
#define VM_SLIRP_TARGET_H

#include "vm-slirp/options.h"

struct targets {
	const struct options *o;
	char smb_state[64]; /* smbd's own directory, or empty */
	char smbd[256];
};

/* For -W: finds smbd and writes its configuration into a directory of its own. Dies when it cannot. */
void targets_open(struct targets *t, const struct options *o);

/* Removes what targets_open made. */
void targets_close(struct targets *t);

/* A new connection to guestfwd `index`: a non-blocking socket, or -1 after a warning. */
int targets_connect(const struct targets *t, unsigned index);

#endif
