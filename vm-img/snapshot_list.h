/* SPDX-License-Identifier: ISC */
/* The internal snapshots of a qcow2 image, as `snapshot -l` and `info` tell them; nothing where there are none. */
#ifndef VM_IMG_SNAPSHOT_LIST_H
#define VM_IMG_SNAPSHOT_LIST_H

#include "common/image/image.h"

void snapshot_list(struct image *i);

/* As a list called "snapshots". */
void snapshot_describe(struct image *i, struct describe *d);

#endif
