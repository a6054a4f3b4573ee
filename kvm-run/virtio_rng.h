/* SPDX-License-Identifier: ISC */
/* The entropy device every guest has (virtio 1.2, 5.4). */
#ifndef KVM_RUN_VIRTIO_RNG_H
#define KVM_RUN_VIRTIO_RNG_H

#include <stddef.h>

struct virtio_dev;
struct vm;

/* Plugs it into vm's bus, on vm->io. NULL, or the reason in why. Main thread. */
const char *rng_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size);

#endif
