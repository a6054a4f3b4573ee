/* SPDX-License-Identifier: ISC */
/* Which driver the host's PCI devices have: VFIO's for as long as a guest has them, then their own again. */
#ifndef VM_PIN_PCI_BIND_H
#define VM_PIN_PCI_BIND_H

#include "vm-pin/pci_device.h"

/* The devices of one group: a driver can have one of them back only when the guest has none of them. */
struct pci_group {
	uint32_t number;
	size_t n;
	struct pci_device devices[PCI_DEVICES_MAX]; /* as they were found */
};

/*
 * Starts the process that gives the devices of the group back, each to the driver it had, once every copy of the descriptor that is
 * returned has been closed; then binds them to vfio-pci. What is bound to it already stays so. Dies when it cannot.
 */
int pci_bind(struct pci_group *g);

#endif
