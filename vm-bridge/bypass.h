/* SPDX-License-Identifier: ISC */
/*
 * The kernel drops what comes in while it makes an interface a port, or no port again: for as long as that takes, which can be
 * several milliseconds, its frames have a handler that does not take them. A program of four instructions comes before that
 * handler; while it is there it passes all that comes in on to the bridge's own interface.
 */
#ifndef VM_BRIDGE_BYPASS_H
#define VM_BRIDGE_BYPASS_H

#include "common/link.h"

/* Loads the program, which takes rights that are given up later. A descriptor, close-on-exec; -1 where that is not possible. */
int bypass_load(const struct link *br);

/* Frames pass from now on until the descriptor that this returns is closed. -1 for a kernel before 6.6, and for program -1:
 * then a frame may be lost, and that is all. */
int bypass_begin(int program, const struct link *nic);

#endif
