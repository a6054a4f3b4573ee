/* SPDX-License-Identifier: ISC */
/* One L1 table and all below it, as a whole: what a snapshot takes or gives up. */
#ifndef COMMON_IMAGE_QCOW2_TREE_H
#define COMMON_IMAGE_QCOW2_TREE_H

#include "common/image/qcow2_refs.h"

/*
 * Counts one more (by 1) or one less (-1) use of all that an L1 table of n entries names: L2 tables, clusters, compressed ones.
 * An image that is not consistent is a fault; -ERANGE where a refcount would not fit.
 */
int tree_use(struct refs *r, uint64_t l1_offset, uint32_t n, int by);

/* Clears, in the file, the copied flags of all L1 and L2 entries of it; or sets them where the refcount is 1. */
int tree_flags(struct refs *r, uint64_t l1_offset, uint32_t n, bool set);

#endif
