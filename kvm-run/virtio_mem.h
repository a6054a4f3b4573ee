/* SPDX-License-Identifier: ISC */
/*
 * virtio-mem (virtio 1.2, 5.15): memory that the guest takes and gives in blocks as it is asked to, in a region of its own
 * behind RAM (struct mem_hot).
 */
#ifndef KVM_RUN_VIRTIO_MEM_H
#define KVM_RUN_VIRTIO_MEM_H

#include <stddef.h>
#include <stdint.h>

struct virtio_dev;
struct vm;

struct virtio_mem_state {
	uint64_t requested; /* bytes that the guest is to have of the region */
	uint64_t plugged;   /* and has */
};

/* Plugs it into vm's bus, on vm->io; vm->mem has a region. NULL, or the reason in why. Main thread. */
const char *virtio_mem_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size);

/* How much the guest is to have: whole blocks, at most the region. It follows as it can. Main thread. */
void virtio_mem_set(struct virtio_dev *d, uint64_t bytes);

/* Main thread. */
void virtio_mem_get(struct virtio_dev *d, struct virtio_mem_state *s);

/* As at power-on: nothing is plugged; what was requested stays. No vCPU runs. Main thread. */
void virtio_mem_reset(struct virtio_dev *d);

#endif
