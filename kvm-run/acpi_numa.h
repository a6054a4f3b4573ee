/* SPDX-License-Identifier: ISC */
/* SRAT and SLIT: which processors and which memory are near each other, and how far the others are. */
#ifndef KVM_RUN_ACPI_NUMA_H
#define KVM_RUN_ACPI_NUMA_H

#include <stddef.h>

struct acpi_board;
struct aml;

/* Both write into a and return where the table begins. Of a board with nodes only. */
size_t acpi_srat(struct aml *a, const struct acpi_board *b);
size_t acpi_slit(struct aml *a, const struct acpi_board *b);

#endif
