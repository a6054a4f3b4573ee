/* SPDX-License-Identifier: ISC */
/* The port to which firmware writes what it does, as Bochs and QEMU have it. */
#ifndef KVM_RUN_DEBUGPORT_H
#define KVM_RUN_DEBUGPORT_H

struct vm;

/* The port, if there is a con wire as=debug; what is written goes there and never waits for its reader. NULL or the reason. */
const char *debugport_create(struct vm *vm);

/* What was written is out. vCPUs are stopped for good. */
void debugport_stop(struct vm *vm);

#endif
