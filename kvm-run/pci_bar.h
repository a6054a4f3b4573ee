/* SPDX-License-Identifier: ISC */
/* BARs: what the halves of the PCI bus share, configuration space (pci.c) and the windows (pci_bar.c). */
#ifndef KVM_RUN_PCI_BAR_H
#define KVM_RUN_PCI_BAR_H

#include "kvm-run/pci.h"

#define CFG_COMMAND 0x04
#define CFG_BAR0 0x10
#define CFG_ROM 0x30
#define CMD_IO 0x01
#define CMD_MEMORY 0x02

/* The windows, on the vm's buses. b->vm is set. */
void pci_init_windows(struct pci_bus *b);

/* First addresses for the BARs of a device that will be in that slot. False: no room. */
bool pci_place_bars(struct pci_bus *b, struct pci_dev *d, int slot);

/* Makes the BARs decode where command and address registers now say. Bus lock held. */
void pci_update_bars(struct pci_bus *b, struct pci_dev *d);

#endif
