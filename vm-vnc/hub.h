/* SPDX-License-Identifier: ISC */
/*
 * The parent: it has the machine's fb wire, the control socket and the policy, and a process for each viewer, to which it
 * speaks as the machine does. It asks the machine only while one of them waits, and waits for none of them.
 */
#ifndef VM_VNC_HUB_H
#define VM_VNC_HUB_H

#include <stdbool.h>

#include "vm-vnc/options.h"

/*
 * Serves the wire `machine`, a packet socket, until that or a signal ends it; control is a listening socket, or -1. ready(arg)
 * is called once viewers may come. `loader`: the terminal's signals are for the program that was started. Returns 0.
 */
int hub_run(const struct options *o, int machine, int control, bool loader, void (*ready)(void *arg), void *arg);

#endif
