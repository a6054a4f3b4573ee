/* SPDX-License-Identifier: ISC */
/* How one of KVM's memory slots is set; their numbers are in mem.h. */
#ifndef KVM_RUN_MEMSLOT_H
#define KVM_RUN_MEMSLOT_H

#include <stdint.h>

struct vm;

/*
 * Shows the guest `size` bytes (whole pages) of the host at gpa; flags are KVM_MEM_*. Size 0 takes the slot away. 0 or
 * -errno: a guest that moves a BAR onto another one gets -EEXIST. Any thread.
 */
int vm_map(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags);

#endif
