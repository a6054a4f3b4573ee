/* SPDX-License-Identifier: ISC */
/* Copied flags of the active tables, for check: told of, and repaired. */
#ifndef COMMON_IMAGE_QCOW2_FLAGS_H
#define COMMON_IMAGE_QCOW2_FLAGS_H

#include "common/image/qcow2_census.h"

/* Tells of copied flags that do not agree with these refcounts; or clears those that may not be set; or sets those missing. */
enum flags_how { FLAGS_TELL, FLAGS_CLEAR, FLAGS_SET };
int flags_walk(struct census *c, const struct counts *refcounts, enum flags_how how);

#endif
