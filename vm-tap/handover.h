/* SPDX-License-Identifier: ISC */
/* A tap as a wire, for whoever is to have it. */
#ifndef VM_TAP_HANDOVER_H
#define VM_TAP_HANDOVER_H

#include "vm-tap/options.h"

/* Runs the program with the tap's wire, and what is to be held open as long. */
_Noreturn void handover_exec(const struct options *o, struct tap *t);

/* Sends the wire to the control socket; what to exit with. */
int handover_send(const struct options *o, const struct tap *t);

#endif
