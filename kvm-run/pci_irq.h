/* SPDX-License-Identifier: ISC */
/* The part of pins and MSI that only pci.c and the DSDT need; devices use pci_add_intx, pci_add_msi and pci_irq of pci.h. */
#ifndef KVM_RUN_PCI_IRQ_H
#define KVM_RUN_PCI_IRQ_H

#include "kvm-run/pci.h"

#define PCI_PIRQ_GSI 16 /* PIRQA; the other seven follow */

/* The PIRQ line, 0 to 7, of a slot's INTA, as firmware expects it of a q35 (SeaBIOS, mch_pci_slot_get_irq): slots take
 * turns, those from 25 on do not. */
static inline unsigned
pci_pirq(unsigned slot)
{
	return 4 + (slot < 25 ? slot & 3 : 0);
}

/* Configuration space was written: commands, the MSI capability, the bridge's routes. Bus lock held, as below. */
void pci_irq_written(struct pci_bus *b, struct pci_dev *d, unsigned off, unsigned len);

/* Puts the interrupt's status bit into what was read from configuration space. */
void pci_irq_status(const struct pci_dev *d, unsigned off, uint8_t *data, unsigned len);

/* Power-on state; configuration space is back in it already. */
void pci_irq_reset(struct pci_bus *b, struct pci_dev *d);

/* Gives the eventfd and the route back. */
void pci_irq_done(struct pci_dev *d);

#endif
