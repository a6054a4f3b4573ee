/* SPDX-License-Identifier: ISC */
/*
 * The small parent: it holds what the stack may not have (the host's listening sockets, the control socket, the right to
 * start commands) and never sees a frame.
 */
#ifndef VM_SLIRP_BROKER_H
#define VM_SLIRP_BROKER_H

#include "vm-slirp/options.h"
#include "vm-slirp/target.h"

struct open_forward {
	struct forward forward;
	int fd;
};

/* What was opened with the caller's rights. */
struct doorway {
	struct open_forward forwards[FORWARDS_MAX];
	size_t nforwards;
	int control;  /* listening, or -1 */
	int listener; /* MODE_LISTEN: where guests come from, or -1 */
	int cable;    /* the one guest's end otherwise */
	struct targets targets;
};

/* Opens the sockets of -p. Dies, naming the word, when one cannot be had. */
void doorway_open_forwards(struct doorway *d, const struct options *o);

/*
 * Starts the stack and serves until the guest is gone or a TERM comes; with a listener, one guest after another until
 * TERM. It announces itself (backend_announce) when a guest can be served. Removes the socket files at the end. Returns the exit status.
 */
int broker_run(const struct options *o, struct doorway *d);

/* Of a broker that starts no process any more: it keeps who it is, what it has, and the calls that its work takes. */
void broker_seal(void);

#endif
