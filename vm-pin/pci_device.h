/* SPDX-License-Identifier: ISC */
/* The host's PCI devices, as /sys has them: which may be given to a guest, and what binds them together. */
#ifndef VM_PIN_PCI_DEVICE_H
#define VM_PIN_PCI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/why.h"

#define PCI_ADDRESS 16	 /* "0000:00:05.0"; domains may be longer */
#define PCI_DEVICES_MAX 16 /* that are handed over at once */
#define PCI_NO_GROUP UINT32_MAX

struct pci_device {
	char address[PCI_ADDRESS];
	char driver[64];   /* "": none */
	char override[64]; /* the only driver that it may have, "": any */
	uint32_t vendor, device, class; /* class: 0xccsspp */
	uint32_t group;			/* of the IOMMU's, or PCI_NO_GROUP */
	uint32_t node;			/* NUMA, or HOST_NONE */
	bool vfio;			/* VFIO has it already */
};

/* Whether the word is an address, with or without its domain ("00:05.0"); written in full. */
bool pci_address(const char *word, char address[PCI_ADDRESS]);

/* NULL, or why not. root is of host_root. */
const char *pci_read(int root, const char *address, struct pci_device *d, struct why *w);

/* Calls fn for every device, in the order of addresses. Dies when there is no PCI. */
void pci_each(int root, void (*fn)(const struct pci_device *d, void *arg), void *arg);

/* Whether it can be handed over beside the others: it has a group, nobody of the host works with it, and the rest of its group is
 * handed over as well, or has no driver. NULL, or why not. */
const char *pci_check(int root, const struct pci_device *d, const struct pci_device *all, size_t n, struct why *w);

#endif
