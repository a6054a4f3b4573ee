/* SPDX-License-Identifier: ISC */
/* The control groups that a guest is in (cgroups(7)), of either version. */
#ifndef VM_PIN_CGROUP_H
#define VM_PIN_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "vm-pin/guest.h"

/* The CPU time that the group, or one above it, is cut off at, in thousandths of a CPU; false: at none. */
bool cgroup_quota(const struct guest *g, uint64_t *thousandths);

#endif
