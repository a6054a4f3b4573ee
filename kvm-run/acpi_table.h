/* SPDX-License-Identifier: ISC */
/* The frame of an ACPI table (ACPI 6.5, 5.2.6), in which acpi.c and acpi_numa.c write. */
#ifndef KVM_RUN_ACPI_TABLE_H
#define KVM_RUN_ACPI_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct aml;

/* Writes the header of a table, aligned to 16, and returns where it begins. acpi_table_close fills in length and checksum. */
size_t acpi_table_open(struct aml *a, const char *signature, uint8_t revision);
void acpi_table_close(struct aml *a, size_t start);

/* Makes the sum of all bytes 0 by the one at `at`. */
void acpi_checksum(uint8_t *table, size_t len, size_t at);

#endif
