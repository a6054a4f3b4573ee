/* SPDX-License-Identifier: ISC */
/* The controller's coming and going, for ahci_new.c. */
#ifndef KVM_RUN_AHCI_NEW_H
#define KVM_RUN_AHCI_NEW_H

#include "kvm-run/ahci_dev.h"

/* A controller without ports, on the bus. NULL when there is no room. */
struct ahci *ahci_new(struct vm *vm);
void ahci_free(struct ahci *h);

/* The registers that are no port's, in power-on state. */
void ahci_reset(struct ahci *h);

#endif
