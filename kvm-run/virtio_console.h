/* SPDX-License-Identifier: ISC */
/* A console of one port, hvc0 and on in Linux (virtio 1.2, 5.3): every con wire after the first, or with as=virtio. */
#ifndef KVM_RUN_VIRTIO_CONSOLE_H
#define KVM_RUN_VIRTIO_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wire.h"

struct virtio_dev;
struct vm;

/* Plugs it into vm's bus, on vm->io, joined to the con wire. NULL, or the reason in why. Main thread. */
const char *console_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size);

#endif
