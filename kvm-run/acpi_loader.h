/* SPDX-License-Identifier: ISC */
/* ACPI's tables as files for firmware, which finds a place for them: QEMU's table loader (its hw/acpi/bios-linker-loader.c). */
#ifndef KVM_RUN_ACPI_LOADER_H
#define KVM_RUN_ACPI_LOADER_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_FILE_RSDP "etc/acpi/rsdp"
#define ACPI_FILE_TABLES "etc/acpi/tables"
#define ACPI_FILE_LOADER "etc/table-loader"

#define ACPI_RSDP_SIZE 36
#define ACPI_COMMANDS_MAX 32

struct acpi_command {
	uint32_t kind;
	char words[124]; /* of each kind its own */
};

struct acpi_files {
	uint8_t rsdp[ACPI_RSDP_SIZE];
	uint8_t *tables; /* as given */
	size_t tables_size;
	struct acpi_command commands[ACPI_COMMANDS_MAX];
	size_t ncommands;
};

/* Makes the files of tables that acpi_encode has put into `tables` for address 0. They are changed: the RSDP is taken out,
 * checksums are left to the firmware. */
void acpi_make_files(struct acpi_files *f, uint8_t *tables, size_t size);

#endif
