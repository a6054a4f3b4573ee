/* SPDX-License-Identifier: ISC */
/* Stand-ins for the PCI bus: a device that is on none, and remembers its memory BARs. */
#ifndef TESTS_UNIT_PCI_STUB_H
#define TESTS_UNIT_PCI_STUB_H

#include "kvm-run/pci.h"

void
pci_dev_init(struct pci_dev *d, struct vm *vm, const char *id, const struct pci_ops *ops, uint16_t vendor,
    uint16_t device, uint32_t class_code, uint8_t revision)
{
	(void)vendor, (void)device, (void)class_code, (void)revision;
	*d = (struct pci_dev){.id = id, .ops = ops, .vm = vm};
}

void
pci_add_bar(struct pci_dev *d, unsigned bar, uint64_t size, bool is64, bool prefetch)
{
	d->bars[bar] = (struct pci_bar){.size = size, .is64 = is64, .prefetch = prefetch};
}

void
pci_add_io_bar(struct pci_dev *d, unsigned bar, uint32_t size)
{
	(void)d, (void)bar, (void)size;
}

void
pci_add_intx(struct pci_dev *d)
{
	(void)d;
}

int
pci_plug(struct pci_bus *b, struct pci_dev *d, bool hot)
{
	(void)b, (void)d, (void)hot;
	return 1;
}

void
pci_unplug(struct pci_bus *b, struct pci_dev *d)
{
	(void)b, (void)d;
}

#endif
