/* SPDX-License-Identifier: ISC */
/* bzImage by the 64-bit entry: Documentation/arch/x86/boot.rst ("the boot protocol") and zero-page.rst of Linux. */
#include <string.h>

#include "kvm-run/boot.h"

/* Offsets in the setup header, which is also at the same place in boot_params. */
#define HDR_START 0x1f1
#define HDR_SETUP_SECTS 0x1f1
#define HDR_BOOT_FLAG 0x1fe
#define HDR_MAGIC 0x202
#define HDR_JUMP_LEN 0x201 /* the header ends at 0x202 + this byte */
#define HDR_SYSSIZE 0x1f4 /* of what follows the setup sectors, in paragraphs of 16 bytes */
#define HDR_VERSION 0x206
#define HDR_LOADER 0x210
#define HDR_LOADFLAGS 0x211
#define HDR_INITRD 0x218
#define HDR_INITRD_SIZE 0x21c
#define HDR_CMDLINE 0x228
#define HDR_INITRD_MAX 0x22c
#define HDR_RELOCATABLE 0x234
#define HDR_XLOADFLAGS 0x236
#define HDR_CMDLINE_SIZE 0x238
#define HDR_PREF_ADDRESS 0x258
#define HDR_INIT_SIZE 0x260
/* boot_params only; first its struct screen_info */
#define BP_VIDEO_MODE 0x006
#define BP_VIDEO_COLUMNS 0x007
#define BP_VIDEO_EGA_BX 0x00a
#define BP_VIDEO_LINES 0x00e
#define BP_VIDEO_IS_VGA 0x00f
#define BP_VIDEO_POINTS 0x010
#define BP_ACPI_RSDP 0x070
#define BP_E820_ENTRIES 0x1e8
#define BP_E820_TABLE 0x2d0

#define LOADER_UNDEFINED 0xff
#define LOADED_HIGH 1
#define XLF_KERNEL_64 1
#define PROTOCOL_MIN 0x20c /* 2.12: xloadflags */
#define ENTRY_64 0x200

#define PAGE_PRESENT_WRITE 3ULL
#define PAGE_LARGE 0x80ULL

static uint64_t
get(const uint8_t *p, unsigned off, unsigned len)
{
	uint64_t v = 0;

	memcpy(&v, p + off, len);
	return v;
}

static void
put(uint8_t *p, unsigned off, uint64_t v, unsigned len)
{
	memcpy(p + off, &v, len);
}

/* The selectors 0x10 and 0x18 that the protocol asks for: flat 64-bit code, flat data. */
static void
write_gdt(struct guest_mem *m)
{
	static const uint64_t gdt[] = {0, 0, 0x00af9b000000ffffULL, 0x00cf93000000ffffULL};

	memcpy(guest_ptr(m, BOOT_GDT, sizeof(gdt)), gdt, sizeof(gdt));
}

/* One GiB in large pages: kernel, zero page and command line are below it, and that is all the kernel may ask for. */
static void
write_page_tables(struct guest_mem *m)
{
	uint64_t *t = guest_ptr(m, BOOT_PAGE_TABLES, 3 * 4096);

	t[0] = (BOOT_PAGE_TABLES + 4096) | PAGE_PRESENT_WRITE;
	t[512] = (BOOT_PAGE_TABLES + 8192) | PAGE_PRESENT_WRITE;
	for (uint64_t i = 0; i < 512; i++)
		t[1024 + i] = i << 21 | PAGE_LARGE | PAGE_PRESENT_WRITE;
}

static void
write_e820(const struct guest_mem *m, uint8_t *zero)
{
	struct e820_entry map[E820_MAX];
	unsigned n = boot_e820(m, map);

	zero[BP_E820_ENTRIES] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		put(zero, BP_E820_TABLE + 20 * i, map[i].addr, 8);
		put(zero, BP_E820_TABLE + 20 * i + 8, map[i].size, 8);
		put(zero, BP_E820_TABLE + 20 * i + 16, map[i].type, 4);
	}
}

/* Where the kernel likes to run, so that it need not move itself; else as low as it may lie. */
static uint64_t
load_address(const struct boot_file *f, uint64_t room)
{
	uint64_t pref = get(f->head, HDR_PREF_ADDRESS, 8);

	if (pref >= BOOT_HIGH && pref < 1 << 30 && guest_ptr(f->mem, pref, room))
		return pref;
	return f->head[HDR_RELOCATABLE] ? BOOT_HIGH : 0;
}

/* A kernel is told of its screen as its real-mode part would have found it: a VGA in mode 3, 80 by 25 of 16 lines each. */
static void
write_screen_info(uint8_t *zero)
{
	zero[BP_VIDEO_MODE] = 3;
	zero[BP_VIDEO_COLUMNS] = 80;
	zero[BP_VIDEO_EGA_BX] = 3; /* all of its memory */
	zero[BP_VIDEO_LINES] = 25;
	zero[BP_VIDEO_IS_VGA] = 1;
	zero[BP_VIDEO_POINTS] = 16;
}

/* The kernel's own header, or as much of one as a kernel looks at that needs no loader any more. */
static void
write_header(const struct boot_file *f, bool header, uint8_t *zero)
{
	unsigned end = 0x202U + f->head[HDR_JUMP_LEN];

	if (header) {
		memcpy(zero + HDR_START, f->head + HDR_START, end - HDR_START);
		return;
	}
	put(zero, HDR_BOOT_FLAG, 0xaa55, 2);
	memcpy(zero + HDR_MAGIC, "HdrS", 4);
	put(zero, HDR_VERSION, PROTOCOL_MIN, 2);
}

static void
write_zero_page(struct boot_file *f, bool header)
{
	uint8_t *zero = guest_ptr(f->mem, BOOT_ZERO_PAGE, 4096);

	if (f->images->vga)
		write_screen_info(zero);
	write_header(f, header, zero);
	zero[HDR_LOADER] = LOADER_UNDEFINED;
	zero[HDR_LOADFLAGS] |= LOADED_HIGH;
	put(zero, HDR_INITRD, f->initrd, 4);
	put(zero, HDR_INITRD_SIZE, f->initrd_size, 4);
	put(zero, HDR_CMDLINE, BOOT_CMDLINE, 4);
	put(zero, BP_ACPI_RSDP, f->images->rsdp, 8);
	write_e820(f->mem, zero);
}

void
boot_linux(struct boot_file *f, uint64_t rip, bool header, struct boot_entry *e)
{
	write_gdt(f->mem);
	write_page_tables(f->mem);
	write_zero_page(f, header);
	*e = (struct boot_entry){.rip = rip, .rsi = BOOT_ZERO_PAGE, .long_mode = true, .cr3 = BOOT_PAGE_TABLES, .gdt = BOOT_GDT};
}

const char *
boot_bzimage(struct boot_file *f, struct boot_entry *e)
{
	unsigned sects = f->head[HDR_SETUP_SECTS] ? f->head[HDR_SETUP_SECTS] : 4;
	uint64_t payload = (sects + 1) * 512, room = get(f->head, HDR_INIT_SIZE, 4), at;
	const char *why;

	if (get(f->head, HDR_VERSION, 2) < PROTOCOL_MIN || !(get(f->head, HDR_XLOADFLAGS, 2) & XLF_KERNEL_64))
		return "bzImage without a 64-bit entry";
	if (f->size <= payload || f->size - payload < get(f->head, HDR_SYSSIZE, 4) * 16)
		return "truncated";
	if (room < f->size - payload)
		room = f->size - payload;
	at = load_address(f, room);
	if (!at || !guest_ptr(f->mem, at, room))
		return "does not fit into the guest's memory";
	why = mem_read(f->mem, at, f->images->kern_fd, payload, f->size - payload);
	if (why)
		return why;
	f->kernel_end = at + room;
	why = boot_initrd(f, get(f->head, HDR_INITRD_MAX, 4));
	if (!why)
		why = boot_cmdline(f, get(f->head, HDR_CMDLINE_SIZE, 4));
	if (why)
		return why;
	boot_linux(f, at + ENTRY_64, true, e);
	return NULL;
}
