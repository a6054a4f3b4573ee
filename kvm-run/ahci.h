/* SPDX-License-Identifier: ISC */
/* Disks and CD-ROM drives of guests without virtio: ports of one AHCI 1.3 controller, as the rest of kvm-run sees them. */
#ifndef KVM_RUN_AHCI_H
#define KVM_RUN_AHCI_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wire.h"

struct ahci_port;
struct vm;
struct vm_device;

/* Does the blk wire ask for a port: bus=ahci, or media=cdrom? */
bool ahci_wanted(const struct wire *w);

/*
 * Opens the disk of a checked blk wire, starts its I/O thread and makes it a port of the controller, which the first one
 * brings with it. Fills in the device; NULL, or the reason, which may be in why. Main thread, before the vCPUs run.
 */
const char *ahci_create(struct vm *vm, const struct wire *w, struct vm_device *d, char *why, size_t size);

/*
 * Another medium for a CD-ROM drive, or (w NULL) none and an open tray. While the guest has locked the tray it is asked to
 * let go instead, which is a reason, too. The wire's descriptors are the port's afterwards. NULL, or the reason, which may
 * be in why. Main thread.
 */
const char *ahci_change(struct ahci_port *p, const struct vm *vm, const struct wire *w, char *why, size_t size);

/* Is it a CD-ROM drive? And the number of its port. */
bool ahci_is_cdrom(const struct ahci_port *p);
unsigned ahci_index(const struct ahci_port *p);

#endif
