/* SPDX-License-Identifier: ISC */
/* A network card for guests without virtio: Intel's 82540EM, over any wire that the virtio one is over. */
#ifndef KVM_RUN_E1000_H
#define KVM_RUN_E1000_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wire.h"

struct vm;
struct vm_device;

/* Does the net wire ask for one: model=e1000? */
bool e1000_wanted(const struct wire *w);

/* Makes the card of a checked net wire, plugs it in and fills in the device. NULL, or the reason, which may be in why; then the
 * descriptors are still the caller's. Main thread. */
const char *e1000_create(struct vm *vm, const struct wire *w, bool hot, struct vm_device *d, char *why, size_t size);

#endif
