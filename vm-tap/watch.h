/* SPDX-License-Identifier: ISC */
/* A macvtap outlives whoever has it open, so somebody must delete it. */
#ifndef VM_TAP_WATCH_H
#define VM_TAP_WATCH_H

#include "vm-tap/link.h"

/* Starts a process, nobody's child, that deletes the interface once the other end of the pipe is closed everywhere. */
void watch(struct netlink *nl, const struct tap *t, const int pipe[2]);

#endif
