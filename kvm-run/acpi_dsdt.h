/* SPDX-License-Identifier: ISC */
/* The body of the DSDT: the devices that a guest cannot find by itself. */
#ifndef KVM_RUN_ACPI_DSDT_H
#define KVM_RUN_ACPI_DSDT_H

#include "kvm-run/acpi.h"
#include "kvm-run/aml.h"

void acpi_dsdt(struct aml *a, const struct acpi_board *b);

#endif
