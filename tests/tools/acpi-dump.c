/* links: kvm-run/acpi.c kvm-run/acpi_cpus.c kvm-run/acpi_dsdt.c kvm-run/acpi_numa.c kvm-run/acpi_table.c kvm-run/aml.c kvm-run/aml_res.c kvm-run/mem.c kvm-run/memory_options.c kvm-run/numa.c kvm-run/subopt.c kvm-run/topology.c */
/* SPDX-License-Identifier: ISC */
/* acpi-dump CPUS MEMORY SLOTS [i8042]: the ACPI tables of such a board, CPUS and MEMORY as -c and -m have them, as files
 * DSDT.aml, FACP.aml... in the current directory. */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "kvm-run/acpi.h"
#include "kvm-run/mem.h"
#include "kvm-run/numa.h"

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

static void
layout(struct topology *t, struct numa *n, const char *cpus, const char *memory)
{
	struct memory_options m = MEMORY_OPTIONS_NONE;
	struct guest_mem mem = {0};
	const char *why;
	char text[128];

	why = topology_parse(t, cpus, text, sizeof(text));
	if (!why)
		why = memory_options_parse(&m, memory, text, sizeof(text));
	mem.size = m.size;
	mem.low_size = m.size < MEM_HOLE_START ? m.size : MEM_HOLE_START;
	if (!why)
		why = numa_init(n, &m, t, &mem, text, sizeof(text));
	if (why)
		die_usage("%s", why);
}

int
main(int argc, char **argv)
{
	static uint8_t area[ACPI_END - ACPI_BASE_MANY];
	static struct numa numa;
	struct topology cpus;
	struct acpi_board board = {.cpus = &cpus, .numa = &numa, .window64 = 1ULL << 33};
	const uint8_t *xsdt, *fadt;
	uint32_t size;

	diag_init(argv[0], 1);
	if (argc < 4)
		die_usage("usage: acpi-dump CPUS MEMORY SLOTS [i8042]");
	layout(&cpus, &numa, argv[1], argv[2]);
	board.hot_slots = (uint32_t)num_opt('3', argv[3], 0, UINT32_MAX);
	board.i8042 = argc > 4 && !strcmp(argv[4], "i8042");
	if (!acpi_encode(&board, area, sizeof(area), ACPI_BASE))
		die("too many bytes");
	xsdt = at(area, area + 24);
	dump(xsdt);
	memcpy(&size, xsdt + 4, 4);
	for (uint32_t i = 36; i < size; i += 8)
		dump(at(area, xsdt + i));
	fadt = at(area, xsdt + 36);
	dump(at(area, fadt + 36));
	dump(at(area, fadt + 40));
	return 0;
}
