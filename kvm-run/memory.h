/* SPDX-License-Identifier: ISC */
/* The guest's memory as -m, -P and the mem wire say: where it comes from, and how the host is to treat it. */
#ifndef KVM_RUN_MEMORY_H
#define KVM_RUN_MEMORY_H

#include <stdbool.h>

#include "common/why.h"

struct vm;

/* Makes vm->mem and shows it to KVM; takes its pages at once if asked. Dies, saying what. Before the first thread. */
void memory_create(struct vm *vm);

/* Zeroes it, for a reset. NULL, or the reason, perhaps in w. Main thread; no vCPU and no device may run. */
const char *memory_reset(struct vm *vm, struct why *w);

/* Has KSM merge it from now on, or part again what was merged. NULL or the reason. Main thread. */
const char *memory_merge(struct vm *vm, bool on);

#endif
