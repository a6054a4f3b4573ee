/* SPDX-License-Identifier: ISC */
/* Blocks of virtio-mem's region become memory of the guest, and cease to be. */
#ifndef KVM_RUN_VIRTIO_MEM_REGION_H
#define KVM_RUN_VIRTIO_MEM_REGION_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Of n blocks none is plugged; then all are. Where the host has to find the memory now, and where it has none, false: then
 * nothing is as it was not before. One thread at a time. */
bool region_plug(struct vm *vm, uint64_t first, uint64_t n);

/* Those of n blocks that are plugged are so no longer, and their memory is the host's. */
void region_unplug(struct vm *vm, uint64_t first, uint64_t n);

#endif
