/* SPDX-License-Identifier: ISC */
/* The block device: virtio 1.2, 5.2, over any struct disk. */
#ifndef KVM_RUN_VIRTIO_BLK_H
#define KVM_RUN_VIRTIO_BLK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wire.h"

struct vm;
struct virtio_dev;
struct disk;

/*
 * Opens the disk that a checked blk wire of vm->wires describes, starts its I/O thread and plugs the device. Main thread.
 * NULL and *out, or the reason, which may be in why.
 */
const char *blk_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size);

/*
 * The same for a disk that is open already, which is the device's from now on (on failure too): for tests. `writeback`:
 * the driver sees a volatile cache and flushes it.
 */
const char *blk_create_disk(struct vm *vm, const char *id, struct disk *d, const char *serial, bool writeback, bool hot,
    struct virtio_dev **out, char *why, size_t size);

#endif
