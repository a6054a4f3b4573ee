/* SPDX-License-Identifier: ISC */
/*
 * The parent: it has the machine's fb wire, the control socket and the policy, and a process for each viewer, to which it
 * speaks as the machine does. It asks the machine only while one of them waits, and waits for none of them.
 */
#ifndef VM_VNC_HUB_H
#define VM_VNC_HUB_H

#include "vm-vnc/options.h"

/*
 * Serves the wire `machine`, a packet socket, until that or a signal ends it; control is a listening socket, or -1. It
 * announces itself (backend_announce) once viewers may come. Returns 0.
 */
int hub_run(const struct options *o, int machine, int control);

#endif
