/* SPDX-License-Identifier: ISC */
/*
 * Internal snapshots of a qcow2 image that is open for writing. What a cut leaves is never worse than leaked clusters; in
 * between, an image of version 3 is marked dirty; in one of version 2, which cannot be, a cut may leave copied flags that check
 * finds wrong, and nobody is led astray by. NULL, or the reason.
 */
#ifndef COMMON_IMAGE_QCOW2_SNAPSHOT_H
#define COMMON_IMAGE_QCOW2_SNAPSHOT_H

#include "common/image/qcow2_state.h"

#define QCOW2_SNAPSHOT_NAME_MAX 255 /* bytes; QEMU knows no longer ones */

/* The snapshot of that ID, else of that name; by name alone; NULL: there is none. */
const struct qcow2_snapshot *qcow2_snapshot_find(const struct qcow2 *q, const char *id_or_name);
const struct qcow2_snapshot *qcow2_snapshot_named(const struct qcow2 *q, const char *name);

const char *qcow2_snapshot_create(struct image *i, const char *name, struct why *w);
const char *qcow2_snapshot_apply(struct image *i, const struct qcow2_snapshot *s, struct why *w);
const char *qcow2_snapshot_delete(struct image *i, const struct qcow2_snapshot *s, struct why *w);

/* The image, opened for reading, is from now on the disk as this snapshot has it. */
const char *qcow2_snapshot_show(struct image *i, const struct qcow2_snapshot *s, struct why *w);

/* qcow2_snapshot_table.c: the bytes of a table with these entries, allocated; their number in *len. NULL: out of memory. */
uint8_t *qcow2_snapshot_table(const struct qcow2_snapshot *list, uint32_t n, size_t *len);

#endif
