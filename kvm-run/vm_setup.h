/* SPDX-License-Identifier: ISC */
/* Building the machine, in main()'s order. What fails dies, saying what. */
#ifndef KVM_RUN_VM_SETUP_H
#define KVM_RUN_VM_SETUP_H

#include <stddef.h>

#include "kvm-run/vm.h"

/* Opens KVM and creates the VM with its interrupt controllers and memory. vm->opt and vm->wires are set. */
void vm_acquire(struct vm *vm);

/* The board and the devices of the wires. */
void vm_build(struct vm *vm);

/* Kernel, initrd and tables into cleared memory, and the boot processor at the entry; or the firmware at its own. NULL or the reason. */
const char *vm_load(struct vm *vm, char *why, size_t size);

/* Runs the main loop until the guest has ended; its end. */
enum vm_end vm_run(struct vm *vm);

/* Stops threads and devices: writes in flight are finished, terminals given back. */
void vm_close(struct vm *vm);

#endif
