/* SPDX-License-Identifier: ISC */
/*
 * vCPUs that come and go while the guest runs, as the guest sees it: a block of registers that only our own ACPI tables
 * know (acpi_cpus.c), and general-purpose event LPC_GPE_CPU when there is something in EVENT.
 *   +0      EVENT   dword, read: takes the next event: vCPU in bits 0-15, what to notify in 16-31; all ones: no more
 *   +4 + n  STATUS  byte of a vCPU. Read: its _STA. Written: 0, the guest has let go of it; else why not, a status of _OST
 */
#ifndef KVM_RUN_CPUHP_H
#define KVM_RUN_CPUHP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define CPUHP_BASE 0x700 /* below the ports that PCI devices are given */
#define CPUHP_STATUS 4
#define CPUHP_SIZE(max) (CPUHP_STATUS + (max))

enum cpuhp_state { CPUHP_ABSENT, CPUHP_THERE, CPUHP_REFUSED };

/* Makes vm->cpuhp if there can be more vCPUs than at the start. After lpc_init; before the vCPUs. 0 or -errno. */
int cpuhp_init(struct vm *vm);

/* The rest is the main thread's. */

/* Is id the name of a vCPU, "vcpu" and a number? *index is the number; without one that of the first vCPU that is not there
 * (or as many as there can be). */
bool cpuhp_named(const struct vm *vm, const char *id, unsigned *index);

/* Plugs a vCPU in and tells the guest. NULL, or the reason, perhaps in why. */
const char *cpuhp_plug(struct vm *vm, unsigned index, char *why, size_t size);

/* Asks the guest to let go of one. NULL, or the reason. */
const char *cpuhp_ask(struct vm *vm, unsigned index);

/* Takes away those that the guest let go of. */
void cpuhp_remove(struct vm *vm);

/* What became of a request. Refused is said until the next request. */
enum cpuhp_state cpuhp_state(const struct vm *vm, unsigned index);

/* Power-on: those that the guest let go of are gone, others stay, and all it was told or asked before is forgotten. vCPUs are
 * paused. */
void cpuhp_reset(struct vm *vm);

#endif
