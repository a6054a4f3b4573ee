/* SPDX-License-Identifier: ISC */
/* The tables of NUMA nodes, as ACPI 6.5 has them in 5.2.16 (SRAT) and 5.2.17 (SLIT). */
#include "kvm-run/acpi.h"
#include "kvm-run/acpi_numa.h"
#include "kvm-run/acpi_table.h"
#include "kvm-run/aml.h"
#include "kvm-run/numa.h"
#include "kvm-run/topology.h"

enum { AFFINITY_APIC, AFFINITY_MEMORY, AFFINITY_X2APIC };

#define ENABLED 1
#define HOT_PLUGGABLE 2

/* Those that may come are enabled, too: a guest reads the table but once. */
static void
processor(struct aml *a, uint32_t id, unsigned node)
{
	if (id < ACPI_APIC_IDS) {
		aml_byte(a, AFFINITY_APIC);
		aml_byte(a, 16);
		aml_byte(a, (uint8_t)node);
		aml_byte(a, (uint8_t)id);
		aml_dword(a, ENABLED);
		aml_zero(a, 8); /* SAPIC EID, the rest of the node, clock domain */
	} else {
		aml_byte(a, AFFINITY_X2APIC);
		aml_byte(a, 24);
		aml_word(a, 0);
		aml_dword(a, node);
		aml_dword(a, id);
		aml_dword(a, ENABLED);
		aml_zero(a, 8); /* clock domain */
	}
}

static void
memory(struct aml *a, const struct numa_range *r)
{
	aml_byte(a, AFFINITY_MEMORY);
	aml_byte(a, 40);
	aml_dword(a, r->node);
	aml_word(a, 0);
	aml_qword(a, r->gpa);
	aml_qword(a, r->size);
	aml_dword(a, 0);
	aml_dword(a, ENABLED | (r->hot ? HOT_PLUGGABLE : 0));
	aml_qword(a, 0);
}

size_t
acpi_srat(struct aml *a, const struct acpi_board *b)
{
	size_t start = acpi_table_open(a, "SRAT", 3);

	aml_dword(a, 1); /* reserved, and so to be, for old readers */
	aml_qword(a, 0);
	for (unsigned i = 0; i < b->cpus->max; i++)
		processor(a, topology_apic_id(b->cpus, i), b->numa->cpu_node[i]);
	for (const struct numa_range *r = b->numa->ranges; r < b->numa->ranges + b->numa->nranges; r++)
		memory(a, r);
	acpi_table_close(a, start);
	return start;
}

/* 10 is the distance to oneself, 20 what everybody says of another node. */
size_t
acpi_slit(struct aml *a, const struct acpi_board *b)
{
	size_t start = acpi_table_open(a, "SLIT", 1);

	aml_qword(a, b->numa->nodes);
	for (unsigned from = 0; from < b->numa->nodes; from++)
		for (unsigned to = 0; to < b->numa->nodes; to++)
			aml_byte(a, from == to ? 10 : 20);
	acpi_table_close(a, start);
	return start;
}
