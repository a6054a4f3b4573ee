/* SPDX-License-Identifier: ISC */
/*
 * The DSDT: soft-off, the PCI host bridge with its windows and hot-plug slots, the legacy devices. The
 * AML is written object by object, in the order in which ASL would show it.
 */
#include <stdio.h>

#include "kvm-run/acpi_cpus.h"
#include "kvm-run/acpi_dsdt.h"
#include "kvm-run/i8042.h"
#include "kvm-run/lpc.h"
#include "kvm-run/pci.h"
#include "kvm-run/pci_irq.h"

#define NOTIFY_DEVICE_CHECK 1
#define NOTIFY_EJECT 3

/* PCI Firmware 3.2, 4.5.1: control bits that the guest may have. Not its own hot-plug (0, 1): that goes through ACPI. */
#define OSC_GRANTED 0x1c
#define OSC_MASKED 0x10	      /* status: some control was refused */
#define OSC_UNKNOWN_UUID 0x04 /* status */

/* A slot's device is named for it: S00_ to S1F_. */
static const char *
slot_name(char name[5], unsigned slot)
{
	snprintf(name, 5, "S%02X_", slot);
	return name;
}

static void
soft_off(struct aml *a)
{
	size_t package;

	aml_name(a, "\\_S5");
	package = aml_package(a, 4);
	aml_int(a, LPC_SLEEP_OFF);
	for (int i = 0; i < 3; i++)
		aml_int(a, 0);
	aml_close(a, package);
}

/* What the host bridge hands on to bus 0, and the configuration ports that it keeps. */
static void
pci_resources(struct aml *a, uint64_t window64)
{
	size_t res;

	aml_name(a, "_CRS");
	res = aml_resources(a);
	aml_res_bus_window(a, 0, 0);
	aml_res_io(a, 0xcf8, 8);
	aml_res_io_window(a, 0, 0xcf7);
	aml_res_io_window(a, 0xd00, 0xffff);
	aml_res_memory32_window(a, (uint32_t)PCI_WINDOW32, (uint32_t)PCI_WINDOW32_END - 1);
	aml_res_memory64_window(a, window64, window64 + PCI_WINDOW64_SIZE - 1);
	aml_resources_close(a, res);
}

static void
or_into(struct aml *a, const char *name, uint64_t bits)
{
	aml_op(a, AML_OR);
	aml_path(a, name);
	aml_int(a, bits);
	aml_path(a, name);
}

/*
 * If (CDW3 != Local0) { CDW1 |= masked }, where Local0 is what was granted of CDW3. Arg3 holds three dwords: status,
 * what the guest supports, what it wants to control.
 */
static void
osc_grant(struct aml *a)
{
	size_t cond;

	aml_op(a, AML_DWORD_FIELD);
	aml_op(a, AML_ARG3);
	aml_int(a, 8);
	aml_path(a, "CDW3");
	aml_op(a, AML_AND);
	aml_path(a, "CDW3");
	aml_int(a, OSC_GRANTED);
	aml_op(a, AML_LOCAL0);
	cond = aml_open(a, AML_IF);
	aml_op(a, AML_LNOT);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_LOCAL0);
	aml_path(a, "CDW3");
	or_into(a, "CDW1", OSC_MASKED);
	aml_close(a, cond);
	aml_op(a, AML_STORE);
	aml_op(a, AML_LOCAL0);
	aml_path(a, "CDW3");
	aml_op(a, AML_RETURN);
	aml_op(a, AML_ARG3);
}

static void
pci_osc(struct aml *a)
{
	static const uint8_t uuid[16] = {0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40, 0x96, 0x57, 0x74, 0x41, 0xc0,
	    0x3d, 0xd7, 0x66}; /* 33DB4D5B-1FF7-401C-9657-7441C03DD766 */
	size_t method = aml_method(a, "_OSC", 4), cond;

	aml_op(a, AML_DWORD_FIELD);
	aml_op(a, AML_ARG3);
	aml_int(a, 0);
	aml_path(a, "CDW1");
	cond = aml_open(a, AML_IF);
	aml_op(a, AML_LEQUAL);
	aml_op(a, AML_ARG0);
	aml_buffer(a, uuid, sizeof(uuid));
	osc_grant(a);
	aml_close(a, cond);
	or_into(a, "CDW1", OSC_UNKNOWN_UUID);
	aml_op(a, AML_RETURN);
	aml_op(a, AML_ARG3);
	aml_close(a, method);
}

static void
legacy_device(struct aml *a, const char *name, const char *id, uint16_t port, uint8_t len, unsigned irq)
{
	size_t dev = aml_device(a, name), res;

	aml_name_eisa_id(a, "_HID", id);
	aml_name_int(a, "_UID", 1);
	aml_name(a, "_CRS");
	res = aml_resources(a);
	aml_res_io(a, port, len);
	aml_res_irq(a, irq);
	aml_resources_close(a, res);
	aml_close(a, dev);
}

/* The controller is the keyboard's device; the mouse has but its interrupt. */
static void
keyboard_and_mouse(struct aml *a)
{
	size_t dev = aml_device(a, "KBD_"), res;

	aml_name_eisa_id(a, "_HID", "PNP0303");
	aml_name(a, "_CRS");
	res = aml_resources(a);
	aml_res_io(a, 0x60, 1);
	aml_res_io(a, 0x64, 1);
	aml_res_irq(a, I8042_KEYBOARD_IRQ);
	aml_resources_close(a, res);
	aml_close(a, dev);
	dev = aml_device(a, "MOU_");
	aml_name_eisa_id(a, "_HID", "PNP0F13");
	aml_name(a, "_CRS");
	res = aml_resources(a);
	aml_res_irq(a, I8042_MOUSE_IRQ);
	aml_resources_close(a, res);
	aml_close(a, dev);
}

static void
isa_bridge(struct aml *a, const struct acpi_board *b)
{
	size_t dev = aml_device(a, "ISA_");

	aml_name_int(a, "_ADR", PCI_LPC_SLOT << 16);
	legacy_device(a, "COM1", "PNP0501", 0x3f8, 8, 4);
	legacy_device(a, "RTC_", "PNP0B00", 0x70, 2, 8);
	if (b->i8042)
		keyboard_and_mouse(a);
	aml_close(a, dev);
}

/* The registers of lpc.h as fields UP__, DOWN and EJCT. */
static void
slot_registers(struct aml *a)
{
	size_t fields;

	aml_io_region(a, "HREG", LPC_HOTPLUG_BASE, LPC_HOTPLUG_SIZE);
	fields = aml_fields(a, "HREG", 3); /* a write of ones clears bits */
	aml_field(a, "UP__", 32);
	aml_field(a, "DOWN", 32);
	aml_field(a, "EJCT", 32);
	aml_close(a, fields);
}

static void
slot_device(struct aml *a, unsigned slot)
{
	char name[5];
	size_t dev = aml_device(a, slot_name(name, slot)), method;

	aml_name_int(a, "_ADR", slot << 16);
	aml_name_int(a, "_SUN", slot);
	method = aml_method(a, "_EJ0", 1);
	aml_op(a, AML_STORE);
	aml_int(a, 1U << slot);
	aml_path(a, "EJCT");
	aml_close(a, method);
	aml_close(a, dev);
}

/* Local0 = REG; REG = Local0 (clears what was seen); then, for every slot whose bit is set, Notify (slot, what). */
static void
slot_events(struct aml *a, uint32_t slots, const char *reg, unsigned what)
{
	char name[5];

	aml_op(a, AML_STORE);
	aml_path(a, reg);
	aml_op(a, AML_LOCAL0);
	aml_op(a, AML_STORE);
	aml_op(a, AML_LOCAL0);
	aml_path(a, reg);
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		size_t cond;

		if (!(slots & 1U << slot))
			continue;
		cond = aml_open(a, AML_IF);
		aml_op(a, AML_AND);
		aml_op(a, AML_LOCAL0);
		aml_int(a, 1U << slot);
		aml_op(a, AML_ZERO); /* no target */
		aml_op(a, AML_NOTIFY);
		aml_path(a, slot_name(name, slot));
		aml_int(a, what);
		aml_close(a, cond);
	}
}

static void
hot_slots(struct aml *a, uint32_t slots)
{
	size_t method;

	slot_registers(a);
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (slots & 1U << slot)
			slot_device(a, slot);
	method = aml_method(a, "HEVT", 0);
	slot_events(a, slots, "UP__", NOTIFY_DEVICE_CHECK);
	slot_events(a, slots, "DOWN", NOTIFY_EJECT);
	aml_close(a, method);
}

/* A package of {slot, pin, no link device, line}: what a slot's INTA is wired to (ACPI 6.5, 6.2.13). */
static void
interrupt_table(struct aml *a, const char *name, bool apic)
{
	size_t table, entry;

	aml_name(a, name);
	table = aml_package(a, PCI_LPC_SLOT - 1);
	for (unsigned slot = 1; slot < PCI_LPC_SLOT; slot++) {
		entry = aml_package(a, 4);
		aml_int(a, slot << 16 | 0xffff);
		aml_int(a, 0);
		aml_int(a, 0);
		aml_int(a, apic ? PCI_PIRQ_GSI + pci_pirq(slot) : LPC_PIRQ_LINE(pci_pirq(slot)));
		aml_close(a, entry);
	}
	aml_close(a, table);
}

/* Method (_PRT) { If (PICM) { Return (PRTA) } Return (PRTP) } */
static void
interrupt_routing(struct aml *a)
{
	size_t method, cond;

	interrupt_table(a, "PRTA", true);
	interrupt_table(a, "PRTP", false);
	method = aml_method(a, "_PRT", 0);
	cond = aml_open(a, AML_IF);
	aml_path(a, "\\PICM");
	aml_op(a, AML_RETURN);
	aml_path(a, "PRTA");
	aml_close(a, cond);
	aml_op(a, AML_RETURN);
	aml_path(a, "PRTP");
	aml_close(a, method);
}

/* The guest says which interrupt controllers it uses: 0 the PICs, 1 the APICs. */
static void
interrupt_model(struct aml *a)
{
	size_t method;

	aml_name_int(a, "\\PICM", 0);
	method = aml_method(a, "\\_PIC", 1);
	aml_op(a, AML_STORE);
	aml_op(a, AML_ARG0);
	aml_path(a, "\\PICM");
	aml_close(a, method);
}

static void
pci_bus(struct aml *a, const struct acpi_board *b)
{
	size_t dev = aml_device(a, "PCI0");

	aml_name_eisa_id(a, "_HID", "PNP0A08");
	aml_name_eisa_id(a, "_CID", "PNP0A03");
	aml_name_int(a, "_UID", 0);
	pci_resources(a, b->window64);
	pci_osc(a);
	interrupt_routing(a);
	isa_bridge(a, b);
	if (b->hot_slots)
		hot_slots(a, b->hot_slots);
	aml_close(a, dev);
}

/* What is decoded but belongs to no device of its own, so that nobody puts a BAR there. */
static void
motherboard(struct aml *a, const struct acpi_board *b)
{
	size_t dev = aml_device(a, "MBRD"), res;

	aml_name_eisa_id(a, "_HID", "PNP0C02");
	aml_name_int(a, "_UID", 0);
	aml_name(a, "_CRS");
	res = aml_resources(a);
	aml_res_memory32(a, (uint32_t)PCI_ECAM_BASE, 1 << 20);
	aml_res_io(a, LPC_PM_BASE, LPC_PM_SIZE);
	aml_res_io(a, LPC_HOTPLUG_BASE, LPC_HOTPLUG_SIZE);
	if (acpi_hot_cpus(b))
		acpi_cpu_ports(a, b);
	aml_resources_close(a, res);
	aml_close(a, dev);
}

/* Edge: the event's status is cleared first, so what changes while this runs makes it run again. */
static void
general_event(struct aml *a, unsigned number, const char *handler)
{
	char name[5];
	size_t method;

	snprintf(name, sizeof(name), "_E%02X", number);
	method = aml_method(a, name, 0);
	aml_path(a, handler);
	aml_close(a, method);
}

static void
general_events(struct aml *a, const struct acpi_board *b)
{
	size_t scope = aml_scope(a, "\\_GPE");

	if (b->hot_slots)
		general_event(a, LPC_GPE_HOTPLUG, "\\_SB.PCI0.HEVT");
	if (acpi_hot_cpus(b))
		general_event(a, LPC_GPE_CPU, "\\_SB." ACPI_CPU_EVENTS);
	aml_close(a, scope);
}

void
acpi_dsdt(struct aml *a, const struct acpi_board *b)
{
	size_t scope;

	soft_off(a);
	interrupt_model(a);
	scope = aml_scope(a, "\\_SB");
	pci_bus(a, b);
	motherboard(a, b);
	acpi_cpus(a, b);
	aml_close(a, scope);
	if (b->hot_slots || acpi_hot_cpus(b))
		general_events(a, b);
}
