/* SPDX-License-Identifier: ISC */
/* VFIO's descriptors of a group's devices, and their way to a guest. */
#ifndef VM_PIN_PCI_HAND_H
#define VM_PIN_PCI_HAND_H

#include "vm-pin/pci_bind.h"

#define PCI_WIRE_FDS 4

/* What a pci wire has: device, group, container, and what holds the device until the guest is through with it. */
struct pci_wire {
	char address[PCI_ADDRESS];
	int fds[PCI_WIRE_FDS];
};

/* A container for all groups: RAM is then shown to the IOMMU, and counted as locked, once. Dies when VFIO cannot have it. */
int pci_container(void);

/* Opens the group within the container, whose IOMMU is then set, and each of its devices: fills in g->n wires. Dies on failure. */
void pci_open(const struct pci_group *g, int container, int hold, struct pci_wire *wires);

/* Gives the user the group's file, which goes with the group; for a program that opens it itself. Dies on failure. */
void pci_give_group(const struct pci_group *g, const char *user);

#endif
