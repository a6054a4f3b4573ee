/* SPDX-License-Identifier: ISC */
/* The part of MSI-X that only pci.c calls; devices use pci_add_msix and msix_fire of pci.h. Bus lock held. */
#ifndef KVM_RUN_MSIX_H
#define KVM_RUN_MSIX_H

#include "kvm-run/pci.h"

/* A guest access to table or pending bits; pci_msix_at said so. */
void msix_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write);

/* The capability's control word was written. */
void msix_update(struct pci_dev *d);

/* Power-on state. */
void msix_reset(struct pci_dev *d);

/* Gives eventfds and routes back. */
void msix_done(struct pci_dev *d);

#endif
