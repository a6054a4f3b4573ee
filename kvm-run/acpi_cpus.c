/* SPDX-License-Identifier: ISC */
/* The processors in the ACPI tables; the contracts are in acpi_cpus.h. */
#include <stdio.h>

#include "kvm-run/acpi_cpus.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/numa.h"

#define PORTS_MAX 128 /* of a resource: its length has 8 bits */

/* A processor's device is named for its number: C000 to CFFF. */
static const char *
cpu_name(char name[5], unsigned n)
{
	snprintf(name, 5, "C%03X", n & 0xfff);
	return name;
}

void
acpi_cpu_entry(struct aml *a, uint32_t uid, uint32_t apic_id, uint32_t flags)
{
	if (apic_id < ACPI_APIC_IDS) {
		aml_byte(a, 0); /* local APIC */
		aml_byte(a, 8);
		aml_byte(a, (uint8_t)uid);
		aml_byte(a, (uint8_t)apic_id);
		aml_dword(a, flags);
	} else {
		aml_byte(a, 9); /* local x2APIC */
		aml_byte(a, 16);
		aml_word(a, 0);
		aml_dword(a, apic_id);
		aml_dword(a, flags);
		aml_dword(a, uid);
	}
}

/* Name (_MAT, Buffer ...): the MADT's entry as it is when the processor is there (6.2.10); Linux takes the APIC id from it. */
static void
cpu_entry(struct aml *a, unsigned n, uint32_t apic_id)
{
	uint8_t bytes[16];
	struct aml entry = {.buf = bytes, .size = sizeof(bytes)};

	acpi_cpu_entry(&entry, n, apic_id, ACPI_CPU_ENABLED);
	aml_name(a, "_MAT");
	aml_buffer(a, bytes, entry.len);
}

/* Method (_STA) { Return (STAT) }, Method (_EJ0, 1) { STAT = 0 }, Method (_OST, 3) { If (Arg0 == 3) { STAT = Arg1 } } */
static void
cpu_methods(struct aml *a)
{
	size_t method, cond;

	method = aml_method(a, "_STA", 0);
	aml_op(a, AML_RETURN);
	aml_path(a, "STAT");
	aml_close(a, method);
	method = aml_method(a, "_EJ0", 1);
	aml_op(a, AML_STORE);
	aml_int(a, 0);
	aml_path(a, "STAT");
	aml_close(a, method);
	method = aml_method(a, "_OST", 3);
	cond = aml_open(a, AML_IF);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_ARG0);
	aml_int(a, 3); /* a request to eject */
	aml_op(a, AML_STORE);
	aml_op(a, AML_ARG1);
	aml_path(a, "STAT");
	aml_close(a, cond);
	aml_close(a, method);
}

static void
cpu_hotplug(struct aml *a, unsigned n, uint32_t apic_id)
{
	size_t fields = aml_fields(a, "CREG", 1);

	aml_field_gap(a, 8 * (CPUHP_STATUS + n));
	aml_field(a, "STAT", 8);
	aml_close(a, fields);
	cpu_entry(a, n, apic_id);
	cpu_methods(a);
}

/* Notify (Cnnn, Local1) for the one of `count` processors from `first` on whose number is Local0. */
static void
notify(struct aml *a, unsigned first, unsigned count)
{
	unsigned half = count / 2;
	char name[5];
	size_t cond;

	if (count == 1) {
		aml_op(a, AML_NOTIFY);
		aml_path(a, cpu_name(name, first));
		aml_op(a, AML_LOCAL1);
		return;
	}
	cond = aml_open(a, AML_IF);
	aml_op(a, AML_LLESS);
	aml_op(a, AML_LOCAL0);
	aml_int(a, first + half);
	notify(a, first, half);
	aml_close(a, cond);
	cond = aml_open(a, AML_ELSE);
	notify(a, first + half, count - half);
	aml_close(a, cond);
}

static void
read_event(struct aml *a)
{
	aml_op(a, AML_STORE);
	aml_path(a, "EVNT");
	aml_op(a, AML_LOCAL0);
}

/* Local0 = EVNT; While (Local0 != Ones) { Local1 = Local0 >> 16; Local0 &= 0xffff; notify; Local0 = EVNT } */
static void
events(struct aml *a, unsigned count)
{
	size_t method = aml_method(a, ACPI_CPU_EVENTS, 0), loop;

	read_event(a);
	loop = aml_open(a, AML_WHILE);
	aml_op(a, AML_LNOT);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_LOCAL0);
	aml_int(a, UINT32_MAX);
	aml_op(a, AML_SHIFT_RIGHT);
	aml_op(a, AML_LOCAL0);
	aml_int(a, 16);
	aml_op(a, AML_LOCAL1);
	aml_op(a, AML_AND);
	aml_op(a, AML_LOCAL0);
	aml_int(a, 0xffff);
	aml_op(a, AML_LOCAL0);
	notify(a, 0, count);
	read_event(a);
	aml_close(a, loop);
	aml_close(a, method);
}

void
acpi_cpus(struct aml *a, const struct acpi_board *b)
{
	size_t fields, dev;
	char name[5];

	if (acpi_hot_cpus(b)) {
		aml_io_region(a, "CREG", CPUHP_BASE, (uint16_t)CPUHP_SIZE(b->cpus->max));
		fields = aml_fields(a, "CREG", 3);
		aml_field(a, "EVNT", 32);
		aml_close(a, fields);
	}
	for (unsigned n = 0; n < b->cpus->max; n++) {
		dev = aml_device(a, cpu_name(name, n));
		aml_name(a, "_HID");
		aml_string(a, "ACPI0007");
		aml_name_int(a, "_UID", n);
		if (b->numa && b->numa->nodes)
			aml_name_int(a, "_PXM", b->numa->cpu_node[n]);
		if (acpi_hot_cpus(b))
			cpu_hotplug(a, n, topology_apic_id(b->cpus, n));
		aml_close(a, dev);
	}
	if (acpi_hot_cpus(b))
		events(a, b->cpus->max);
}

void
acpi_cpu_ports(struct aml *a, const struct acpi_board *b)
{
	unsigned size = CPUHP_SIZE(b->cpus->max);

	for (unsigned at = 0; at < size; at += PORTS_MAX)
		aml_res_io(a, (uint16_t)(CPUHP_BASE + at), (uint8_t)(size - at < PORTS_MAX ? size - at : PORTS_MAX));
}
