/* SPDX-License-Identifier: ISC */
/* The control groups that a guest is in (cgroups(7)), of either version. */
#ifndef VM_PIN_CGROUP_H
#define VM_PIN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "vm-pin/guest.h"

#define CGROUP_PATH 512

/*
 * The directory, below guest.root, of the group that a controller ("cpu", "cpuset") has the process in: that of version 1, where
 * that controller is used so, else of version 2. False when there is none, or the path is too long.
 */
bool cgroup_path(const struct guest *g, const char *controller, char path[CGROUP_PATH], unsigned *version);

/* The CPU time that the group, or one above it, is cut off at, in thousandths of a CPU; false: at none. */
bool cgroup_quota(const struct guest *g, uint64_t *thousandths);

#endif
