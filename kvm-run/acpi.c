/* SPDX-License-Identifier: ISC */
/*
 * The fixed ACPI tables; section numbers are those of ACPI 6.5, whose layouts up to revision 6.3 are used (MADT 5, FADT
 * 6.3: the first with online-capable processors). The DSDT's body is in acpi_dsdt.c.
 */
#include <string.h>

#include "kvm-run/acpi.h"
#include "kvm-run/acpi_cpus.h"
#include "kvm-run/acpi_dsdt.h"
#include "kvm-run/acpi_numa.h"
#include "kvm-run/acpi_table.h"
#include "kvm-run/aml.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

#define LAPIC_ADDRESS 0xfee00000
#define IOAPIC_ADDRESS 0xfec00000

#define RSDP_SIZE 36
#define FACS_OFFSET 64 /* 5.2.10: aligned to 64 */
#define FACS_SIZE 64

/* FADT, 5.2.9: boot architecture flags, then the feature flags */
#define BOOT_LEGACY_DEVICES 0x0001
#define BOOT_I8042 0x0002
#define BOOT_NO_VGA 0x0004
#define FADT_WBINVD (1 << 0)
#define FADT_PROC_C1 (1 << 2)
#define FADT_NO_SLEEP_BUTTON (1 << 5)
#define FADT_NO_RTC_WAKE (1 << 6)
#define FADT_TIMER_32 (1 << 8)
#define FADT_RESET_REG (1 << 10)

/* MADT, 5.2.12 */
#define MADT_PCAT_COMPAT 1
#define ISO_ACTIVE_HIGH 1
#define ISO_LEVEL (3 << 2)
#define NMI_LINT 1

enum gas_space { GAS_IO = 1 };

/* 5.2.3.2: an I/O register block. `access` is 1 for bytes, 2 for words, 3 for dwords. */
static void
generic_address(struct aml *a, uint8_t bytes, uint8_t access, uint64_t port)
{
	aml_byte(a, GAS_IO);
	aml_byte(a, (uint8_t)(8 * bytes));
	aml_byte(a, 0);
	aml_byte(a, access);
	aml_qword(a, port);
}

static void
no_address(struct aml *a)
{
	aml_zero(a, 12);
}

/* Bytes 36 to 115 of the FADT, those of ACPI 1.0. */
static void
fadt_blocks(struct aml *a, const struct acpi_board *b, uint32_t facs, uint32_t dsdt)
{
	aml_dword(a, facs);
	aml_dword(a, dsdt);
	aml_byte(a, 0);
	aml_byte(a, 4); /* preferred profile: enterprise server */
	aml_word(a, LPC_SCI);
	aml_dword(a, 0); /* SMI_CMD: none, ACPI mode is always on */
	aml_zero(a, 4);	 /* ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT */
	aml_dword(a, LPC_PM_BASE + LPC_PM1_EVENT);
	aml_dword(a, 0);
	aml_dword(a, LPC_PM_BASE + LPC_PM1_CONTROL);
	aml_dword(a, 0);
	aml_dword(a, 0); /* PM2 */
	aml_dword(a, LPC_PM_BASE + LPC_PM_TIMER);
	aml_dword(a, LPC_PM_BASE + LPC_GPE0);
	aml_dword(a, 0); /* GPE1 */
	aml_byte(a, 4);
	aml_byte(a, 2);
	aml_byte(a, 0);
	aml_byte(a, 4);
	aml_byte(a, 2 * LPC_GPE0_BYTES);
	aml_zero(a, 3);	    /* GPE1 length and base, C-state control */
	aml_word(a, 101);   /* over 100: no C2 */
	aml_word(a, 1001);  /* over 1000: no C3 */
	aml_zero(a, 6);	    /* flush size and stride, duty offset and width */
	aml_zero(a, 2);	    /* alarm's day and month: no such registers */
	aml_byte(a, 0x32);  /* the century's register of the clock */
	aml_word(a, BOOT_LEGACY_DEVICES | (b->vga ? 0 : BOOT_NO_VGA) | (b->i8042 ? BOOT_I8042 : 0));
	aml_byte(a, 0);
	aml_dword(a, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_NO_RTC_WAKE | FADT_TIMER_32 | FADT_RESET_REG);
}

/* Bytes 116 to 275: the reset register, and the same blocks again in the newer form. */
static void
fadt_extended(struct aml *a, uint64_t dsdt)
{
	generic_address(a, 1, 1, LPC_RESET_PORT);
	aml_byte(a, LPC_RESET_VALUE);
	aml_word(a, 0);	 /* ARM boot flags */
	aml_byte(a, 3);	 /* minor version */
	aml_qword(a, 0); /* X_FIRMWARE_CTRL: the 32-bit field is used */
	aml_qword(a, dsdt);
	generic_address(a, 4, 2, LPC_PM_BASE + LPC_PM1_EVENT);
	no_address(a);
	generic_address(a, 2, 2, LPC_PM_BASE + LPC_PM1_CONTROL);
	no_address(a);
	no_address(a); /* PM2 */
	generic_address(a, 4, 3, LPC_PM_BASE + LPC_PM_TIMER);
	generic_address(a, 2 * LPC_GPE0_BYTES, 1, LPC_PM_BASE + LPC_GPE0);
	no_address(a);	 /* GPE1 */
	no_address(a);	 /* sleep control and status: only without fixed hardware */
	no_address(a);
	aml_qword(a, 0); /* hypervisor's vendor */
}

static size_t
fadt(struct aml *a, const struct acpi_board *b, uint64_t gpa, size_t dsdt)
{
	size_t start = acpi_table_open(a, "FACP", 6);

	fadt_blocks(a, b, (uint32_t)(gpa + FACS_OFFSET), (uint32_t)(gpa + dsdt));
	fadt_extended(a, gpa + dsdt);
	acpi_table_close(a, start);
	return start;
}

/* An ISA interrupt that is not the pin of its own number, or not edge-triggered. */
static void
madt_override(struct aml *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	aml_byte(a, 2);
	aml_byte(a, 10);
	aml_byte(a, 0); /* bus ISA */
	aml_byte(a, irq);
	aml_dword(a, gsi);
	aml_word(a, flags);
}

/* LINT1 of every processor. */
static void
madt_nmi(struct aml *a, bool x2apic)
{
	aml_byte(a, 4);
	aml_byte(a, 6);
	aml_byte(a, 0xff);
	aml_word(a, 0);
	aml_byte(a, NMI_LINT);
	if (!x2apic)
		return;
	aml_byte(a, 10);
	aml_byte(a, 12);
	aml_word(a, 0);
	aml_dword(a, UINT32_MAX);
	aml_byte(a, NMI_LINT);
	aml_zero(a, 3);
}

static size_t
madt(struct aml *a, const struct acpi_board *b)
{
	size_t start = acpi_table_open(a, "APIC", 5);

	aml_dword(a, LAPIC_ADDRESS);
	aml_dword(a, MADT_PCAT_COMPAT);
	for (unsigned i = 0; i < b->cpus->max; i++)
		acpi_cpu_entry(a, i, topology_apic_id(b->cpus, i),
		    acpi_cpu_there(b, i) ? ACPI_CPU_ENABLED : ACPI_CPU_ONLINE_CAPABLE);
	aml_byte(a, 1); /* IO-APIC */
	aml_byte(a, 12);
	aml_word(a, 0); /* id 0 */
	aml_dword(a, IOAPIC_ADDRESS);
	aml_dword(a, 0);
	madt_override(a, 0, 2, 0); /* the timer, as on every PC */
	madt_override(a, LPC_SCI, LPC_SCI, ISO_ACTIVE_HIGH | ISO_LEVEL);
	madt_nmi(a, topology_apic_id(b->cpus, b->cpus->max - 1) >= ACPI_APIC_IDS);
	acpi_table_close(a, start);
	return start;
}

/* PCI Firmware 3.2, 4.1.2: bus 0 only, so that no guest looks for others. */
static size_t
mcfg(struct aml *a)
{
	size_t start = acpi_table_open(a, "MCFG", 1);

	aml_qword(a, 0);
	aml_qword(a, PCI_ECAM_BASE);
	aml_word(a, 0);
	aml_byte(a, 0);
	aml_byte(a, 0);
	aml_dword(a, 0);
	acpi_table_close(a, start);
	return start;
}

static void
facs(struct aml *a)
{
	aml_bytes(a, "FACS", 4);
	aml_dword(a, FACS_SIZE);
	aml_zero(a, 24);
	aml_byte(a, 2); /* version */
	aml_zero(a, FACS_SIZE - 33);
}

static size_t
xsdt(struct aml *a, uint64_t gpa, const size_t *tables, size_t n)
{
	size_t start = acpi_table_open(a, "XSDT", 1);

	for (size_t i = 0; i < n; i++)
		aml_qword(a, gpa + tables[i]);
	acpi_table_close(a, start);
	return start;
}

/* 5.2.5.3: two checksums, of the first 20 bytes and of all. */
static void
rsdp(struct aml *a, uint64_t xsdt_gpa)
{
	aml_bytes(a, "RSD PTR ", 8);
	aml_byte(a, 0);
	aml_bytes(a, "KVMRUN", 6);
	aml_byte(a, 2);
	aml_dword(a, 0); /* no RSDT */
	aml_dword(a, RSDP_SIZE);
	aml_qword(a, xsdt_gpa);
	aml_dword(a, 0);
	acpi_checksum(a->buf, 20, 8);
	acpi_checksum(a->buf, RSDP_SIZE, 32);
}

size_t
acpi_encode(const struct acpi_board *b, uint8_t *buf, size_t size, uint64_t gpa)
{
	struct aml a = {.buf = buf, .size = size};
	size_t dsdt, tables[5], n = 0, last;

	aml_zero(&a, FACS_OFFSET); /* the RSDP comes last: it points to the rest */
	facs(&a);
	dsdt = acpi_table_open(&a, "DSDT", 2);
	acpi_dsdt(&a, b);
	acpi_table_close(&a, dsdt);
	tables[n++] = fadt(&a, b, gpa, dsdt);
	tables[n++] = madt(&a, b);
	tables[n++] = mcfg(&a);
	if (b->numa && b->numa->nodes) {
		tables[n++] = acpi_srat(&a, b);
		tables[n++] = acpi_slit(&a, b);
	}
	last = xsdt(&a, gpa, tables, n);
	if (a.full)
		return 0;
	rsdp(&(struct aml){.buf = buf, .size = RSDP_SIZE}, gpa + last);
	return a.len;
}

size_t
acpi_encode_vm(const struct vm *vm, uint8_t *buf, size_t size, uint64_t gpa)
{
	uint8_t plugged[TOPOLOGY_CPUS_MAX];
	const struct acpi_board board = {
		.cpus = &vm->opt.cpus,
		.plugged = vm->vcpus ? plugged : NULL,
		.numa = &vm->numa,
		.window64 = vm->pci.window64,
		.hot_slots = vm->pci.hot_slots,
		.i8042 = vm->input,
		.vga = vm->vga,
	};

	for (unsigned i = 0; vm->vcpus && i < vm->opt.cpus.max; i++)
		plugged[i] = vm->vcpus[i].plugged;
	return acpi_encode(&board, buf, size, gpa);
}

uint64_t
acpi_install(const struct vm *vm)
{
	static const uint32_t bases[] = {ACPI_BASE, ACPI_BASE_MANY};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		size_t room = ACPI_END - bases[i];
		uint8_t *area = guest_ptr(&vm->mem, bases[i], room);

		if (area && acpi_encode_vm(vm, area, room, bases[i]))
			return bases[i];
	}
	return 0;
}
