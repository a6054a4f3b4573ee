/* links: kvm-run/acpi_loader.c kvm-run/acpi.c kvm-run/acpi_cpus.c kvm-run/acpi_dsdt.c kvm-run/acpi_numa.c kvm-run/acpi_table.c kvm-run/aml.c kvm-run/aml_res.c kvm-run/mem.c kvm-run/numa.c kvm-run/subopt.c kvm-run/topology.c */
/* SPDX-License-Identifier: ISC */
/* The table loader's script: done as firmware does it, the tables are those that would have been encoded for that place. */
#include <stdlib.h>

#include "kvm-run/acpi.h"
#include "kvm-run/acpi_loader.h"
#include "kvm-run/numa.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

#define ROOM 0x20000
#define RSDP_AT 0xf5000
#define TABLES_AT 0x7ff0040

static uint8_t tables[ROOM], want[ROOM];
static struct acpi_files files;

struct file {
	const char *name;
	uint8_t *bytes;
	size_t size;
	uint64_t at;
	unsigned allocated;
};

static struct file both[] = {{ACPI_FILE_RSDP, files.rsdp, sizeof(files.rsdp), RSDP_AT, 0},
    {ACPI_FILE_TABLES, tables, 0, TABLES_AT, 0}};

static struct file *
file_of(const char *name)
{
	for (unsigned i = 0; i < 2; i++)
		if (!strcmp(both[i].name, name))
			return &both[i];
	ok(false, "a file %.56s", name);
	exit(tap_done());
}

static uint32_t
word(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static void
add_pointer(const char *w)
{
	struct file *f = file_of(w), *target = file_of(w + 56);
	uint32_t off = word(w + 112);
	unsigned size = (unsigned char)w[116];
	uint64_t v = 0;

	if (!ok((size == 4 || size == 8) && off + size <= f->size, "a pointer of %u bytes at %u of %s", size, off, f->name))
		return;
	memcpy(&v, f->bytes + off, size);
	ok(v < target->size, "into the file");
	v += target->at;
	memcpy(f->bytes + off, &v, size);
}

/* As the stricter of them does it: the old byte is part of the sum. */
static void
add_checksum(const char *w)
{
	struct file *f = file_of(w);
	uint32_t off = word(w + 56), start = word(w + 60), len = word(w + 64);
	uint8_t sum = 0;

	if (!ok(start + len <= f->size && off >= start && off < start + len, "a checksum at %u of %s", off, f->name))
		return;
	for (uint32_t i = start; i < start + len; i++)
		sum = (uint8_t)(sum + f->bytes[i]);
	f->bytes[off] = (uint8_t)-sum;
}

static void
run(const struct acpi_command *c)
{
	if (c->kind == 1)
		file_of(c->words)->allocated++;
	else if (c->kind == 2)
		add_pointer(c->words);
	else if (c->kind == 3)
		add_checksum(c->words);
	else
		ok(false, "a command that is known: %u", c->kind);
}

int
main(void)
{
	static const struct topology cpus = {.cpus = 3, .max = 300, .sockets = 300, .cores = 1, .threads = 1};
	static const struct numa numa = {.nodes = 2, .nranges = 1, .ranges = {{.size = 1 << 30}}};
	const struct acpi_board board = {.cpus = &cpus, .numa = &numa, .window64 = 1ULL << 33, .hot_slots = 0x700};
	size_t size = acpi_encode(&board, tables, sizeof(tables), 0);

	ok(size && acpi_encode(&board, want, sizeof(want), TABLES_AT) == size, "tables of %zu bytes", size);
	both[1].size = size;
	acpi_make_files(&files, tables, size);
	ok(sizeof(files.commands[0]) == 128 && files.ncommands <= ACPI_COMMANDS_MAX, "%zu commands", files.ncommands);
	for (size_t i = 0; i < files.ncommands; i++)
		run(&files.commands[i]);
	ok(both[0].allocated == 1 && both[1].allocated == 1, "each file gets a place, once");
	ok(!memcmp(tables + ACPI_RSDP_SIZE, want + ACPI_RSDP_SIZE, size - ACPI_RSDP_SIZE), "the tables are as for that place");
	ok(!memcmp(files.rsdp, want, ACPI_RSDP_SIZE), "and so is what points to them");
	return tap_done();
}
