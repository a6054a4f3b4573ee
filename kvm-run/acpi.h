/* SPDX-License-Identifier: ISC */
/*
 * The ACPI tables that describe the board: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT, and of NUMA nodes
 * SRAT, SLIT. A stock kernel finds neither its
 * processors nor PCI without them. Not hardware-reduced: the fixed hardware is in lpc.c.
 */
#ifndef KVM_RUN_ACPI_H
#define KVM_RUN_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numa;
struct topology;
struct vm;

/* The tables lie in the old BIOS area, which no e820 map calls usable: reserve [ACPI_BASE, ACPI_END) there. With very many
 * processors that can come and go they begin lower, where there would be ROMs of cards. */
#define ACPI_BASE 0xe0000
#define ACPI_BASE_MANY 0xc0000
#define ACPI_END 0x100000

#define ACPI_APIC_IDS 255 /* ids from here on, and 255 itself, are in entries of the x2APIC */

/* What differs from one machine to the next. */
struct acpi_board {
	const struct topology *cpus; /* if more are possible than there are at the start, any but the first can come and go */
	const uint8_t *plugged;	 /* for each possible one whether it is there now; NULL: the first cpus->cpus are */
	const struct numa *numa; /* NULL, or of no nodes: no tables of them */
	uint64_t window64;	 /* where the 64-bit PCI window begins */
	uint32_t hot_slots;	 /* bit a PCI slot that takes devices while the guest runs */
	bool i8042;		 /* keyboard controller, keyboard and mouse */
	bool vga;
};

/* Encodes all tables into buf, which the guest will see at gpa (16-aligned, below 4 GiB); the RSDP comes first. Returns
 * the bytes used, or 0 if they are more than size. */
size_t acpi_encode(const struct acpi_board *b, uint8_t *buf, size_t size, uint64_t gpa);

/* The same for the vm's own board. After pci_init. */
size_t acpi_encode_vm(const struct vm *vm, uint8_t *buf, size_t size, uint64_t gpa);

/* The vm's own tables, into its memory at ACPI_BASE. Returns the address of the RSDP, 0 if the tables do not fit. After
 * pci_init, before the vCPUs run. */
uint64_t acpi_install(const struct vm *vm);

#endif
