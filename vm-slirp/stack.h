/* SPDX-License-Identifier: ISC */
/* The process that sees frames: libslirp behind a cable, sealed. */
#ifndef VM_SLIRP_STACK_H
#define VM_SLIRP_STACK_H

#include "vm-slirp/options.h"

/*
 * Serves the cable until its other end is gone (exit 0), or the broker is. orders and requests are the two sockets of
 * channel.h; walled: the mount namespace is its own (room.h). Runs in a process of its own and never returns.
 */
_Noreturn void stack_run(const struct options *o, int cable_fd, int orders, int requests, bool walled);

#endif
