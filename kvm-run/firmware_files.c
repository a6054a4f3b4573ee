/* SPDX-License-Identifier: ISC */
/* The items and files of fw_cfg, by the names that SeaBIOS and OVMF look for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/acpi.h"
#include "kvm-run/firmware_files.h"

#define E820_RAM 1
#define COM1 0x3f8
#define MENU_MS 2500 /* for a splash of which -B says no time: what SeaBIOS has too */

static const char *
make_acpi(struct vm *vm, struct firmware *f)
{
	size_t room = ACPI_END - ACPI_BASE_MANY, size;
	uint8_t *buf = calloc(1, room);

	if (!buf)
		return strerror(ENOMEM);
	size = acpi_encode_vm(vm, buf, room, 0);
	if (!size)
		return "ACPI tables do not fit";
	free(f->acpi.tables);
	acpi_make_files(&f->acpi, buf, size);
	return NULL;
}

/* RAM only: firmware knows the board's other places itself, but where memory is plugged in it must not put large BARs. */
static void
add_memory_map(struct vm *vm, struct firmware *f)
{
	size_t n = 0;

	f->e820[n++] = (struct firmware_e820){0, vm->mem.low_size, E820_RAM};
	if (vm->mem.high_size)
		f->e820[n++] = (struct firmware_e820){MEM_HIGH_START, vm->mem.high_size, E820_RAM};
	fwcfg_add_file(&f->cfg, "etc/e820", f->e820, n * sizeof(f->e820[0]));
	if (!vm->mem.hot.size)
		return;
	put_le64(&f->memory_end, vm->mem.hot.start + vm->mem.hot.size);
	fwcfg_add_file(&f->cfg, "etc/reserved-memory-end", &f->memory_end, sizeof(f->memory_end));
}

static void
add_acpi(struct firmware *f)
{
	const struct acpi_files *a = &f->acpi;

	fwcfg_add_file(&f->cfg, ACPI_FILE_RSDP, a->rsdp, sizeof(a->rsdp));
	fwcfg_add_file(&f->cfg, ACPI_FILE_TABLES, a->tables, a->tables_size);
	fwcfg_add_file(&f->cfg, ACPI_FILE_LOADER, a->commands, a->ncommands * sizeof(a->commands[0]));
}

static void
add_smbios(struct firmware *f)
{
	const struct smbios *s = &f->smbios;

	fwcfg_add(&f->cfg, FWCFG_UUID, s->uuid, sizeof(s->uuid));
	fwcfg_add_file(&f->cfg, SMBIOS_FILE_ANCHOR, s->anchor, sizeof(s->anchor));
	fwcfg_add_file(&f->cfg, SMBIOS_FILE_TABLES, s->tables, s->tables_size);
}

/* BMP or JPEG by their first bytes: SeaBIOS wants to know before. */
static void
add_splash(struct firmware *f)
{
	bool bmp = f->splash_size > 2 && !memcmp(f->splash, "BM", 2);

	fwcfg_add_file(&f->cfg, bmp ? "bootsplash.bmp" : "bootsplash.jpg", f->splash, f->splash_size);
}

/* The menu is what holds a boot up for seconds: it is there only for who asks, or has a picture to show. */
static void
add_boot(struct vm *vm, struct firmware *f)
{
	const struct boot_options *b = &vm->opt.boot;
	bool menu = b->menu_ms != BOOT_UNSET || f->splash;
	size_t size = bootorder_write(vm, !f->booted, f->order, sizeof(f->order));

	if (size > 1)
		fwcfg_add_file(&f->cfg, "bootorder", f->order, size);
	fwcfg_add_number(&f->cfg, FWCFG_BOOT_MENU, menu, 2);
	if (menu)
		fwcfg_add_number_file(&f->cfg, "etc/boot-menu-wait", b->menu_ms != BOOT_UNSET ? b->menu_ms : MENU_MS);
	if (b->fail_ms != BOOT_UNSET)
		fwcfg_add_number_file(&f->cfg, "etc/boot-fail-wait", b->fail_ms);
	if (f->splash)
		add_splash(f);
}

/* Without a display, text goes to the serial port. */
static bool
serial_text(const struct vm *vm)
{
	if (vm->opt.boot.serial == BOOT_SERIAL_AUTO)
		return !wires_first(&vm->wires, WIRE_FB);
	return vm->opt.boot.serial == BOOT_SERIAL_ON;
}

const char *
firmware_add_files(struct vm *vm, struct firmware *f)
{
	const char *fault = make_acpi(vm, f);

	if (fault)
		return fault;
	fwcfg_reset(&f->cfg);
	fwcfg_add_number(&f->cfg, FWCFG_CPUS, vm->nvcpus, 2);
	/* SeaBIOS takes this for where the APIC ids end, and QEMU gives it that. */
	fwcfg_add_number(&f->cfg, FWCFG_CPUS_MAX, topology_apic_id(&vm->opt.cpus, vm->opt.cpus.max - 1) + 1, 2);
	add_memory_map(vm, f);
	add_acpi(f);
	add_smbios(f);
	add_boot(vm, f);
	if (serial_text(vm))
		fwcfg_add_number_file(&f->cfg, "etc/sercon-port", COM1);
	return NULL;
}
