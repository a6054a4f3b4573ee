/* SPDX-License-Identifier: ISC */
/*
 * What the table loader is told: where the files go, which pointers are still offsets, which checksums to work out. All of
 * that is found by walking our own tables, whose layouts are ACPI 6.5's, 5.2.
 */
#include <string.h>

#include "kvm-run/acpi_loader.h"

enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };

#define NAME 56

struct allocate {
	char file[NAME];
	uint32_t align;
	uint8_t zone;
} __attribute__((packed));

struct add_pointer {
	char file[NAME], target[NAME];
	uint32_t offset;
	uint8_t size;
} __attribute__((packed));

struct add_checksum {
	char file[NAME];
	uint32_t offset, start, length;
} __attribute__((packed));

/* 5.2.5.3, 5.2.6, 5.2.9 */
#define RSDP_CHECKSUM 8
#define RSDP_XSDT 24
#define RSDP_EXTENDED_CHECKSUM 32
#define RSDP_V1_SIZE 20
#define TABLE_LENGTH 4
#define TABLE_CHECKSUM 9
#define TABLE_HEADER 36
#define FADT_FACS 36
#define FADT_DSDT 40
#define FADT_X_DSDT 140

static void
command(struct acpi_files *f, uint32_t kind, const void *words, size_t size)
{
	struct acpi_command *c = &f->commands[f->ncommands++];

	*c = (struct acpi_command){.kind = kind};
	memcpy(c->words, words, size);
}

static void
allocate(struct acpi_files *f, const char *file, uint32_t align, uint8_t zone)
{
	struct allocate a = {.align = align, .zone = zone};

	strcpy(a.file, file);
	command(f, ALLOCATE, &a, sizeof(a));
}

static void
pointer(struct acpi_files *f, const char *file, size_t offset, uint8_t size)
{
	struct add_pointer a = {.target = ACPI_FILE_TABLES, .offset = (uint32_t)offset, .size = size};

	strcpy(a.file, file);
	command(f, ADD_POINTER, &a, sizeof(a));
}

/* Some firmware takes the old byte for part of what is summed: it has to be 0. */
static void
checksum(struct acpi_files *f, const char *file, uint8_t *bytes, size_t offset, size_t start, size_t length)
{
	struct add_checksum a = {.offset = (uint32_t)offset, .start = (uint32_t)start, .length = (uint32_t)length};

	strcpy(a.file, file);
	bytes[offset] = 0;
	command(f, ADD_CHECKSUM, &a, sizeof(a));
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void
table_checksum(struct acpi_files *f, uint32_t at)
{
	checksum(f, ACPI_FILE_TABLES, f->tables, at + TABLE_CHECKSUM, at, get32(f->tables + at + TABLE_LENGTH));
}

static void
fadt(struct acpi_files *f, uint32_t at)
{
	pointer(f, ACPI_FILE_TABLES, at + FADT_FACS, 4);
	pointer(f, ACPI_FILE_TABLES, at + FADT_DSDT, 4);
	pointer(f, ACPI_FILE_TABLES, at + FADT_X_DSDT, 8);
	table_checksum(f, get32(f->tables + at + FADT_DSDT));
}

/* Low halves of 64-bit pointers: offsets are small. */
static void
xsdt(struct acpi_files *f, uint32_t at)
{
	uint32_t end = at + get32(f->tables + at + TABLE_LENGTH);

	for (uint32_t entry = at + TABLE_HEADER; entry < end; entry += 8) {
		uint32_t table = get32(f->tables + entry);

		pointer(f, ACPI_FILE_TABLES, entry, 8);
		if (!memcmp(f->tables + table, "FACP", 4))
			fadt(f, table);
		table_checksum(f, table);
	}
	table_checksum(f, at);
}

void
acpi_make_files(struct acpi_files *f, uint8_t *tables, size_t size)
{
	*f = (struct acpi_files){.tables = tables, .tables_size = size};
	memcpy(f->rsdp, tables, sizeof(f->rsdp));
	memset(tables, 0, sizeof(f->rsdp));
	allocate(f, ACPI_FILE_RSDP, 16, ZONE_FSEG);
	allocate(f, ACPI_FILE_TABLES, 64, ZONE_HIGH);
	xsdt(f, get32(f->rsdp + RSDP_XSDT));
	pointer(f, ACPI_FILE_RSDP, RSDP_XSDT, 8);
	checksum(f, ACPI_FILE_RSDP, f->rsdp, RSDP_CHECKSUM, 0, RSDP_V1_SIZE);
	checksum(f, ACPI_FILE_RSDP, f->rsdp, RSDP_EXTENDED_CHECKSUM, 0, ACPI_RSDP_SIZE);
}
