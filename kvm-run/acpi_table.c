/* SPDX-License-Identifier: ISC */
/* The frame of an ACPI table; the contracts are in acpi_table.h. */
#include <string.h>

#include "kvm-run/acpi_table.h"
#include "kvm-run/aml.h"

#define LENGTH 4
#define CHECKSUM 9

void
acpi_checksum(uint8_t *table, size_t len, size_t at)
{
	uint8_t sum = 0;

	table[at] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + table[i]);
	table[at] = (uint8_t)-sum;
}

size_t
acpi_table_open(struct aml *a, const char *signature, uint8_t revision)
{
	size_t start;

	aml_zero(a, -a->len % 16);
	start = a->len;
	aml_bytes(a, signature, 4);
	aml_dword(a, 0);
	aml_byte(a, revision);
	aml_byte(a, 0);
	aml_bytes(a, "KVMRUN", 6);
	aml_bytes(a, "KVM-RUN ", 8);
	aml_dword(a, 1);
	aml_bytes(a, "KVMR", 4);
	aml_dword(a, 1);
	return start;
}

void
acpi_table_close(struct aml *a, size_t start)
{
	uint32_t len = (uint32_t)(a->len - start);

	if (a->full)
		return;
	memcpy(a->buf + start + LENGTH, &len, 4);
	acpi_checksum(a->buf + start, len, CHECKSUM);
}
