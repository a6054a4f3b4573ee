/* SPDX-License-Identifier: ISC */
/*
 * Direct kernel boot: bzImage by the 64-bit entry of the Linux boot protocol, ELF by PVH. Every byte of the files is
 * foreign: sizes and offsets are checked before they are used.
 */
#ifndef KVM_RUN_BOOT_H
#define KVM_RUN_BOOT_H

#include "kvm-run/mem.h"
#include "kvm-run/vcpu.h"

/* Where things lie in the first mebibyte; ACPI's tables have the BIOS area, see acpi.h. */
#define BOOT_GDT 0x500ULL
#define BOOT_START_INFO 0x6000ULL /* PVH, with its memory map and module list */
#define BOOT_ZERO_PAGE 0x7000ULL
#define BOOT_PAGE_TABLES 0x9000ULL /* three pages: the first GiB, identity mapped */
#define BOOT_CMDLINE 0x20000ULL
#define BOOT_CMDLINE_MAX 0x10000ULL
#define BOOT_LOW_END 0x9fc00ULL /* below the EBDA's place */
#define BOOT_HIGH 0x100000ULL	/* kernels lie from here on */

#define E820_MAX 8

struct e820_entry {
	uint64_t addr, size;
	uint32_t type; /* 1 RAM, 2 reserved */
};

struct boot_images {
	int kern_fd, init_fd; /* init_fd -1: no initrd. Only pread and mmap are used: the offset does not matter */
	const char *cmdline;
	uint64_t rsdp;
	bool vga; /* in text mode, as a BIOS leaves it */
};

/* Loads kernel, initrd and tables into cleared RAM. NULL and the entry, or "WHAT: WHY" in a static or given buffer. */
const char *boot_load(struct guest_mem *m, const struct boot_images *b, struct boot_entry *e, char *why, size_t size);

/* The memory map of this RAM; returns the count. Used by both protocols, and later by firmware. */
unsigned boot_e820(const struct guest_mem *m, struct e820_entry map[E820_MAX]);

/* --- between the files of the loader --- */

struct boot_file {
	struct guest_mem *mem;
	const struct boot_images *images;
	uint64_t size;	 /* of the kernel */
	uint64_t kernel_end; /* first byte of RAM past the kernel, for the initrd's sake */
	uint64_t initrd, initrd_size;
	uint8_t head[0x1000]; /* the file's beginning, zeroes past its end */
};

const char *boot_bzimage(struct boot_file *f, struct boot_entry *e);
const char *boot_elf(struct boot_file *f, struct boot_entry *e);

/* Linux's 64-bit entry at rip, with its zero page. With `header` the kernel's own setup header is in f->head. */
void boot_linux(struct boot_file *f, uint64_t rip, bool header, struct boot_entry *e);

/* Puts the initrd at the top of low RAM, not past max; sets f->initrd and f->initrd_size. After kernel_end is known. */
const char *boot_initrd(struct boot_file *f, uint64_t max);

/* Puts the command line; at most max bytes without its NUL. */
const char *boot_cmdline(struct boot_file *f, uint64_t max);

#endif
