/* SPDX-License-Identifier: ISC */
/*
 * virtio-gpu (virtio 1.2, 5.7), 2D, one scanout: the guest says which rectangles have changed, has a pointer shape of its
 * own, and follows the size that its display would like. It shows nothing before its driver runs.
 */
#ifndef KVM_RUN_VIRTIO_GPU_H
#define KVM_RUN_VIRTIO_GPU_H

#include <stddef.h>

struct virtio_dev;
struct vm;
struct wire;

/* The device of a checked fb wire with model=virtio, plugged in. NULL and *out, or the reason. At set-up only. */
const char *gpu_create(struct vm *vm, const struct wire *w, struct virtio_dev **out, char *why, size_t size);

#endif
