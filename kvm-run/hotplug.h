/* SPDX-License-Identifier: ISC */
/* Devices that come and go while the guest runs, in the slots that -H reserved. Main thread only, unless said. */
#ifndef KVM_RUN_HOTPLUG_H
#define KVM_RUN_HOTPLUG_H

#include <stdbool.h>
#include <stddef.h>

struct vm;

/*
 * Adds the device of a wire whose numbers are indexes into fds[0..n), and tells the guest. The descriptors are the
 * device's from then on; on failure they are closed. NULL with the device's id in id[32], or the reason.
 */
const char *hotplug_add(struct vm *vm, const char *word, size_t len, const int *fds, size_t n, char *id, char *why,
    size_t size);

/* Asks the guest to let go of a device. NULL with its slot, or the reason. The device goes when the guest ejects it. */
const char *hotplug_ask(struct vm *vm, const char *id, unsigned *slot);

/* Removes the devices in slots (a bit each) that the guest ejected. */
void hotplug_remove(struct vm *vm, unsigned slots);

/*
 * Another medium for the CD-ROM drive of that id: the disk of a wire, as hotplug_add's, or (word NULL) none. NULL, or the
 * reason.
 */
const char *hotplug_change(struct vm *vm, const char *id, const char *word, const int *fds, size_t n, char *why,
    size_t size);

/* Whether a device is in the slot. */
bool hotplug_occupied(const struct vm *vm, unsigned slot);

#endif
