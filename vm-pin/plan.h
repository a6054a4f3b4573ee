/* SPDX-License-Identifier: ISC */
/* From places to changes: which thread of a guest gets which CPUs and class. */
#ifndef VM_PIN_PLAN_H
#define VM_PIN_PLAN_H

#include <stdio.h>

#include "vm-pin/change.h"
#include "vm-pin/place.h"

/* The CPUs that are online; dies when that cannot be read. */
void plan_online(int root, struct cpus *online);

/* NULL when all of the CPUs are online, or any will do; or which is not: the kernel would quietly leave it out. */
const char *plan_check(const struct cpus *wanted, const struct cpus *online, int root, struct why *w);

/* What the places come to for one thread; false: nothing. *why as change_look: set when it cannot be done. */
bool plan_thread(struct change *c, const struct guest *g, const struct guest_thread *t, const struct places *ps,
    const struct cpus *online, const char **fault, struct why *w);

/*
 * Adds a change for each thread that a place concerns and that c does not have; where the cpuset is to be another, for each thread,
 * since the kernel then forgets affinities. Every fault is printed; how many there were.
 */
unsigned plan_add(struct changes *c, const struct guest *g, const struct places *ps);

/* Prints the changes as places, a line each, with the thread and what it had behind a '#'. */
void plan_print(FILE *out, const struct changes *c);

#endif
