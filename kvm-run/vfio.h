/* SPDX-License-Identifier: ISC */
/*
 * Assigned devices: what a pci wire hands over is a real PCI device, by the kernel's VFIO. The guest works it itself: its
 * BARs are memory of the guest, its interrupts eventfds of KVM, and the IOMMU lets it reach the guest's RAM and nothing else.
 */
#ifndef KVM_RUN_VFIO_H
#define KVM_RUN_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;
struct vm_device;
struct wire;

/* Puts the device of a wire on the bus and fills in d. When the machine runs already (hot) it reaches RAM at once, else
 * from vfio_dma_map on. NULL, or the reason. */
const char *vfio_create(struct vm *vm, const struct wire *w, bool hot, struct vm_device *d, char *why, size_t size);

/* What assigned devices need and only a process with rights may raise: open files, and locked memory, which is all of the
 * guest's. Nothing is said when it cannot be: vfio_dma_map will. */
void vfio_raise_limits(struct vm *vm);

/*
 * Shows RAM as it now is to all assigned devices, which keeps its pages where they are; and takes it from them again, as must be
 * done before pages are replaced. NULL, or the reason. No device may be at work.
 */
const char *vfio_dma_map(struct vm *vm, char *why, size_t size);
void vfio_dma_unmap(struct vm *vm);

/* Blocks first .. first + n of mem.hot have come, or are about to go: they are shown to all assigned devices, or taken from them.
 * False: not all could be shown, and none is. On vm->io's thread. */
bool vfio_dma_blocks(struct vm *vm, uint64_t first, uint64_t n, bool in);

#endif
