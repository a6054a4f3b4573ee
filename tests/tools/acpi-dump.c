/* links: kvm-run/acpi.c kvm-run/acpi_dsdt.c kvm-run/aml.c kvm-run/aml_res.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* acpi-dump CPUS CPUS_MAX SLOTS: the ACPI tables of such a board as files DSDT.aml, FACP.aml... in the current directory. */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/acpi.h"

static void
dump(const uint8_t *table)
{
	char name[] = "XXXX.aml";
	uint32_t len;
	FILE *f;

	memcpy(name, table, 4);
	memcpy(&len, table + 4, 4);
	f = fopen(name, "w");
	if (!f || fwrite(table, 1, len, f) != len || fclose(f))
		die_sys("%s", name);
}

/* Where a table says that another is. */
static const uint8_t *
at(const uint8_t *area, const uint8_t *pointer)
{
	uint32_t gpa;

	memcpy(&gpa, pointer, 4);
	return area + (gpa - ACPI_BASE);
}

int
main(int argc, char **argv)
{
	static uint8_t area[ACPI_END - ACPI_BASE];
	struct acpi_board board = {.window64 = 1ULL << 33};
	const uint8_t *xsdt, *fadt;

	diag_init(argv[0], 1);
	if (argc < 4)
		die_usage("usage: acpi-dump CPUS CPUS_MAX SLOTS [i8042]");
	board.cpus = (unsigned)num_opt('1', argv[1], 1, 4096);
	board.cpus_max = (unsigned)num_opt('2', argv[2], 1, 4096);
	board.hot_slots = (uint32_t)num_opt('3', argv[3], 0, UINT32_MAX);
	board.i8042 = argc > 4 && !strcmp(argv[4], "i8042");
	if (!acpi_encode(&board, area, sizeof(area), ACPI_BASE))
		die("too many bytes");
	xsdt = at(area, area + 24);
	dump(xsdt);
	for (int i = 0; i < 3; i++)
		dump(at(area, xsdt + 36 + 8 * i));
	fadt = at(area, xsdt + 36);
	dump(at(area, fadt + 36));
	dump(at(area, fadt + 40));
	return 0;
}
