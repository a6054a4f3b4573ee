/* SPDX-License-Identifier: ISC */
/* What both boot protocols share: telling the kinds apart, memory map, initrd, command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm-run/boot.h"
#include "kvm-run/pci.h"

#define E820_RAM 1
#define E820_RESERVED 2

unsigned
boot_e820(const struct guest_mem *m, struct e820_entry map[E820_MAX])
{
	unsigned n = 0;

	map[n++] = (struct e820_entry){0, BOOT_LOW_END, E820_RAM};
	map[n++] = (struct e820_entry){BOOT_LOW_END, BOOT_HIGH - BOOT_LOW_END, E820_RESERVED};
	map[n++] = (struct e820_entry){BOOT_HIGH, m->low_size - BOOT_HIGH, E820_RAM};
	map[n++] = (struct e820_entry){PCI_ECAM_BASE, 0x10000000, E820_RESERVED};
	map[n++] = (struct e820_entry){0xfec00000, 0x01400000, E820_RESERVED}; /* IO-APIC, local APIC, ROM's place */
	if (m->high_size)
		map[n++] = (struct e820_entry){MEM_HIGH_START, m->high_size, E820_RAM};
	return n;
}

const char *
boot_initrd(struct boot_file *f, uint64_t max)
{
	uint64_t top = f->mem->low_size < max + 1 ? f->mem->low_size : max + 1;
	struct stat st;

	if (f->images->init_fd < 0)
		return NULL;
	if (fstat(f->images->init_fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "initrd: not a regular file";
	if (!st.st_size)
		return "initrd: empty";
	f->initrd_size = (uint64_t)st.st_size;
	if (f->initrd_size > top || top - f->initrd_size < f->kernel_end)
		return "initrd: does not fit into the guest's memory beside the kernel";
	f->initrd = (top - f->initrd_size) & ~0xfffULL;
	if (f->initrd < f->kernel_end)
		return "initrd: does not fit into the guest's memory beside the kernel";
	/* All of it is unpacked: to read it costs less than a fault for each of its pages; so with a bzImage. */
	return mem_read(f->mem, f->initrd, f->images->init_fd, 0, f->initrd_size);
}

const char *
boot_cmdline(struct boot_file *f, uint64_t max)
{
	size_t len = strlen(f->images->cmdline);
	char *to = guest_ptr(f->mem, BOOT_CMDLINE, BOOT_CMDLINE_MAX);

	if (len > max || len >= BOOT_CMDLINE_MAX)
		return "command line: longer than this kernel takes";
	memcpy(to, f->images->cmdline, len + 1);
	return NULL;
}

static const char *
load(struct boot_file *f, struct boot_entry *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(f->images->kern_fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	f->size = (uint64_t)st.st_size;
	n = pread(f->images->kern_fd, f->head, sizeof(f->head), 0);
	if (n < 0)
		return strerror(errno);
	if (n >= 4 && !memcmp(f->head, "\177ELF", 4))
		return boot_elf(f, e);
	if (n > 0x206 && !memcmp(&f->head[0x202], "HdrS", 4))
		return boot_bzimage(f, e);
	return "neither a bzImage nor an ELF kernel";
}

const char *
boot_load(struct guest_mem *m, const struct boot_images *b, struct boot_entry *e, char *why, size_t size)
{
	struct boot_file f = {.mem = m, .images = b};
	const char *reason = load(&f, e);

	if (!reason)
		return NULL;
	/* The initrd and the command line say their own name; all else is the kernel's fault. */
	if (!strncmp(reason, "initrd: ", 8) || !strncmp(reason, "command line: ", 14))
		return reason;
	snprintf(why, size, "kernel: %s", reason);
	return why;
}
