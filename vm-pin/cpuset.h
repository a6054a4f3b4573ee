/* SPDX-License-Identifier: ISC */
/* The cpuset of a guest's cgroup, of either version. Threads run within it, whatever their affinity says. */
#ifndef VM_PIN_CPUSET_H
#define VM_PIN_CPUSET_H

#include <stdbool.h>

#include "common/why.h"
#include "vm-pin/cpulist.h"
#include "vm-pin/guest.h"

struct cpuset {
	bool set;	   /* it was changed */
	char path[512];	   /* the file cpuset.cpus of the guest's own group */
	char before[4096]; /* what stood there */
};

/*
 * Finds the cpuset of the guest's cgroup, which must be for the guest alone: others would be moved with it. NULL, or why there is
 * none to be set.
 */
const char *cpuset_find(struct cpuset *s, const struct guest *g, struct why *w);

/* Sets it, and looks whether it came true. NULL, or why not. */
const char *cpuset_make(struct cpuset *s, const struct cpus *c, struct why *w);

/* Puts back what stood there, if it was changed. False when that failed, which was told. */
bool cpuset_take_back(struct cpuset *s);

#endif
