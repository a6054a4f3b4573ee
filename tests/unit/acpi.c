/* links: kvm-run/acpi.c kvm-run/acpi_cpus.c kvm-run/acpi_dsdt.c kvm-run/acpi_numa.c kvm-run/acpi_table.c kvm-run/aml.c kvm-run/aml_res.c kvm-run/mem.c kvm-run/numa.c kvm-run/subopt.c kvm-run/topology.c */
/* SPDX-License-Identifier: ISC */
/* The ACPI tables: structure, checksums, processors, nodes, and that they never leave their room. iasl reads them in
 * acpi.bats. */
#include <stdlib.h>
#include <string.h>

#include "kvm-run/acpi.h"
#include "kvm-run/aml.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

static uint8_t area[ACPI_END - ACPI_BASE_MANY];

static uint64_t
number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static bool
sums_to_zero(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return !sum;
}

/* The table at a guest address that another table names. */
static const uint8_t *
table_at(uint64_t gpa, const char *signature)
{
	const uint8_t *t;

	if (!ok(gpa >= ACPI_BASE && gpa <= ACPI_BASE + sizeof(area) - 64, "%s at %#llx", signature, (unsigned long long)gpa))
		exit(tap_done());
	t = area + (gpa - ACPI_BASE);
	ok(!memcmp(t, signature, 4) && number(t + 4, 4) <= ACPI_BASE + sizeof(area) - gpa, "%s is there", signature);
	ok(!strcmp(signature, "FACS") || sums_to_zero(t, number(t + 4, 4)), "%s has its checksum", signature);
	return t;
}

/* Walks the MADT's entries: known types, right lengths, and as many processors of each kind as there should be. */
static void
check_madt(const uint8_t *t, const struct topology *cpus)
{
	const uint8_t *p = t + 44, *end = t + number(t + 4, 4);
	unsigned enabled = 0, capable = 0, wrong = 0, overrides = 0, ioapics = 0, index = 0;

	for (; p < end && p[1]; p += p[1]) {
		bool x2 = p[0] == 9;

		if (p[0] == 0 || x2) {
			uint64_t id = x2 ? number(p + 4, 4) : p[3], uid = x2 ? number(p + 12, 4) : p[2];
			uint64_t flags = number(p + (x2 ? 8 : 4), 4);

			wrong += id != topology_apic_id(cpus, index) || uid != index || x2 != (id >= 255) || p[1] != (x2 ? 16 : 8);
			enabled += flags == 1;
			capable += flags == 2;
			index++;
		} else if (p[0] == 1) {
			ioapics += p[1] == 12 && number(p + 4, 4) == 0xfec00000 && !number(p + 8, 4);
		} else if (p[0] == 2) {
			overrides += p[3] == 0 ? number(p + 4, 4) == 2 && !number(p + 8, 2) :
						 p[3] == 9 && number(p + 4, 4) == 9 && number(p + 8, 2) == 0x0d;
		} else if (p[0] != 4 && p[0] != 10) {
			wrong++;
		}
	}
	ok(p == end && !wrong, "MADT: its entries fill it, %u wrong", wrong);
	ok(enabled == cpus->cpus && capable == cpus->max - cpus->cpus, "MADT: %u processors, %u to come", enabled, capable);
	ok(ioapics == 1 && overrides == 2, "MADT: %u IO-APIC, %u overrides", ioapics, overrides);
}

static void
check_fadt(const uint8_t *t, bool i8042)
{
	static const struct {
		uint8_t at, bytes;
		uint64_t value;
	} fields[] = {
	    {4, 4, 276}, {46, 2, 9}, {48, 4, 0}, {56, 4, 0x600}, {64, 4, 0x604}, {76, 4, 0x608}, {80, 4, 0x620},
	    {88, 1, 4}, {89, 1, 2}, {91, 1, 4}, {92, 1, 16}, {108, 1, 0x32}, {112, 4, 0x565},
	    {116, 4, 0x01000801}, {120, 8, 0xcf9}, {128, 1, 6}, {131, 1, 3}, {148, 4, 0x02002001}, {152, 8, 0x600},
	    {172, 4, 0x02001001}, {176, 8, 0x604}, {208, 4, 0x03002001}, {212, 8, 0x608}, {220, 4, 0x01008001},
	    {224, 8, 0x620},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		ok(number(t + fields[i].at, fields[i].bytes) == fields[i].value, "FADT: byte %u holds %#llx", fields[i].at,
		    (unsigned long long)fields[i].value);
	ok(number(t + 109, 2) == (i8042 ? 7 : 5), "FADT: legacy devices, no VGA, a keyboard controller if there is one");
	ok(number(table_at(number(t + 36, 4), "FACS") + 4, 4) == 64 && number(t + 36, 4) % 64 == 0, "FACS is aligned");
	ok(number(t + 40, 4) == number(t + 140, 8), "both addresses of the DSDT agree");
	table_at(number(t + 40, 4), "DSDT");
}

/* Walks the SRAT's entries: each processor in its node, and the memory. */
static void
check_srat(const uint8_t *t, const struct acpi_board *b)
{
	const uint8_t *p = t + 48, *end = t + number(t + 4, 4);
	unsigned wrong = number(t + 36, 4) != 1, cpus = 0, ranges = 0;

	for (; p < end && p[1]; p += p[1]) {
		if (p[0] == 1) {
			const struct numa_range *r = &b->numa->ranges[ranges++];

			wrong += p[1] != 40 || number(p + 2, 4) != r->node || number(p + 8, 8) != r->gpa ||
				 number(p + 16, 8) != r->size || number(p + 28, 4) != (r->hot ? 3 : 1);
		} else if (p[0] == 0) {
			wrong += p[1] != 16 || p[2] != b->numa->cpu_node[cpus] || p[3] != topology_apic_id(b->cpus, cpus) ||
				 p[3] == 255 || number(p + 4, 4) != 1;
			cpus++;
		} else {
			wrong += p[0] != 2 || p[1] != 24 || number(p + 4, 4) != b->numa->cpu_node[cpus] ||
				 number(p + 8, 4) != topology_apic_id(b->cpus, cpus) || number(p + 8, 4) < 255 || number(p + 12, 4) != 1;
			cpus++;
		}
	}
	ok(p == end && !wrong, "SRAT: its entries fill it, %u wrong", wrong);
	ok(cpus == b->cpus->max && ranges == b->numa->nranges, "SRAT: %u processors, %u ranges of memory", cpus, ranges);
}

static void
check_slit(const uint8_t *t, unsigned nodes)
{
	unsigned wrong = number(t + 4, 4) != 44 + nodes * nodes;

	for (unsigned i = 0; i < nodes * nodes; i++)
		wrong += t[44 + i] != (i % nodes == i / nodes ? 10 : 20);
	ok(number(t + 36, 8) == nodes && !wrong, "SLIT: %u nodes", nodes);
}

static struct numa nodes = {.nodes = 3, .nranges = 3, .ranges = {{.gpa = 0, .size = 1 << 30}, {.gpa = 1ULL << 32, .size = 4096,
    .node = 1}, {.gpa = 1ULL << 40, .size = 1ULL << 39, .node = 2, .hot = true}}};

static void
check_board(unsigned cpus, struct topology t, uint32_t hot_slots, bool i8042, bool numa)
{
	const struct acpi_board board = {.cpus = &t, .numa = numa ? &nodes : NULL, .window64 = 1ULL << 33,
	    .hot_slots = hot_slots, .i8042 = i8042};
	const uint8_t *root;
	size_t n;

	t.cpus = cpus;
	t.max = t.sockets * t.cores * t.threads;
	for (unsigned i = 0; i < t.max; i++)
		nodes.cpu_node[i] = (uint8_t)(i % 3);
	n = acpi_encode(&board, area, sizeof(area), ACPI_BASE);
	ok(n && n <= sizeof(area), "%u of %u processors, slots %#x: %zu bytes", cpus, t.max, hot_slots, n);
	ok(!memcmp(area, "RSD PTR ", 8) && sums_to_zero(area, 20) && sums_to_zero(area, 36) && area[15] == 2, "RSDP");
	root = table_at(number(area + 24, 8), "XSDT");
	ok(number(root + 4, 4) == 36 + (numa ? 5 : 3) * 8, "XSDT: as many tables as there are");
	check_fadt(table_at(number(root + 36, 8), "FACP"), i8042);
	check_madt(table_at(number(root + 44, 8), "APIC"), &t);
	if (numa) {
		check_srat(table_at(number(root + 60, 8), "SRAT"), &board);
		check_slit(table_at(number(root + 68, 8), "SLIT"), 3);
	}
	root = table_at(number(root + 52, 8), "MCFG");
	ok(number(root + 44, 8) == PCI_ECAM_BASE && !number(root + 52, 4), "MCFG: bus 0 alone");
}

/* Every size that is too small, in a heap block of just that size for ASan to guard. */
static void
check_room(void)
{
	static const struct topology cpus = {.cpus = 3, .max = 5, .sockets = 1, .cores = 5, .threads = 1};
	const struct acpi_board board = {
	    .cpus = &cpus, .numa = &nodes, .window64 = 1ULL << 33, .hot_slots = 0x80000006, .i8042 = true};
	size_t n = acpi_encode(&board, area, sizeof(area), ACPI_BASE), wrong = 0;

	for (size_t size = 0; size <= n; size++) {
		uint8_t *buf = malloc(size + 1);

		buf[size] = 0xa5;
		wrong += acpi_encode(&board, buf, size, ACPI_BASE) != (size < n ? 0 : n) || buf[size] != 0xa5;
		free(buf);
	}
	ok(!wrong, "%zu sizes of %zu go wrong", wrong, n);
}

/* Packages around the sizes where the encoding of their length grows by a byte: 63 and 4095 with the length itself. */
static void
check_package_length(void)
{
	static const struct {
		size_t body;
		uint8_t want[4];
	} cases[] = {
	    {62, {0x10, 0x3f, 0xa5}}, {63, {0x10, 0x41, 0x04, 0xa5}}, {4093, {0x10, 0x4f, 0xff, 0xa5}},
	    {4094, {0x10, 0x81, 0x00, 0x01}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aml a = {.buf = area, .size = sizeof(area)};
		size_t mark = aml_open(&a, AML_SCOPE);

		for (size_t n = 0; n < cases[i].body; n++)
			aml_byte(&a, 0xa5);
		aml_close(&a, mark);
		ok(!memcmp(area, cases[i].want, cases[i].body == 62 ? 3 : 4), "a package of %zu bytes", cases[i].body);
	}
}

static void
check_install(void)
{
	static struct vm vm;

	vm.opt.cpus = (struct topology){.cpus = 2, .max = 2, .sockets = 1, .cores = 2, .threads = 1};
	vm.pci.window64 = 1ULL << 32;
	vm.mem.base = calloc(1, 1 << 20);
	vm.mem.low_size = 1 << 20;
	ok(acpi_install(&vm) == ACPI_BASE && !memcmp(vm.mem.base + ACPI_BASE, "RSD PTR ", 8), "in guest memory");
	vm.mem.low_size = 1 << 19;
	ok(!acpi_install(&vm), "a guest without that memory");
	free(vm.mem.base);
}

int
main(void)
{
	const struct topology one = {.sockets = 1, .cores = 1, .threads = 1};

	check_board(1, one, 0, false, false);
	check_board(4, (struct topology){.sockets = 2, .cores = 2, .threads = 1}, 0x1fe, false, true);
	check_board(2, (struct topology){.sockets = 2, .cores = 3, .threads = 2}, 0, true, true);
	check_board(254, (struct topology){.sockets = 254, .cores = 1, .threads = 1}, 0x1fe, false, false);
	check_board(256, (struct topology){.sockets = 1, .cores = 1024, .threads = 1}, 0x7ffffffe, false, true);
	check_room();
	check_package_length();
	check_install();
	return tap_done();
}
