/* SPDX-License-Identifier: ISC */
/* The process behind a cable, once all is open. */
#ifndef VM_BRIDGE_SERVE_H
#define VM_BRIDGE_SERVE_H

#include "common/loop.h"

#define SERVE_BACKEND 1 /* a loader's; else in the foreground */
#define SERVE_DIALS 2	/* it makes connections */
#define SERVE_MEETS 4	/* it leaves a meeting place in the end */
#define SERVE_MUTE 8	/* once it is ready it says nothing: it outlives the one whose stderr it has, who may be in a pipeline */

/*
 * Gives up all rights but those over what is open, says that it is ready (a backend to its loader, else to ready_fd), and
 * runs the loop until it is stopped, or TERM comes; in the foreground INT and HUP do the same.
 */
void serve(struct loop *l, unsigned flags, int ready_fd);

#endif
