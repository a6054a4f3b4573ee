/* SPDX-License-Identifier: ISC */
/* ELF kernels by PVH: xen/include/public/arch-x86/hvm/start_info.h and docs/misc/pvh of Xen; ELF-64 object file format. */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "kvm-run/boot.h"

#define XEN_ELFNOTE_GUEST_OS 6
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define START_INFO_MAGIC 0x336ec578
#define SEGMENTS_MAX 64
#define NOTES_MAX 4096

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};
_Static_assert(sizeof(struct start_info) == 56, "version 1 of hvm_start_info");

struct module {
	uint64_t addr, size, cmdline, reserved;
};

struct memmap_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};

/* What lies at BOOT_START_INFO. */
struct pvh_page {
	struct start_info info;
	struct module initrd;
	struct memmap_entry map[E820_MAX];
};

/* What an ELF kernel's notes say. */
struct kernel {
	uint32_t entry; /* PVH's */
	bool is_linux;
};

static const char *
load_segment(struct boot_file *f, const Elf64_Phdr *p)
{
	if (p->p_filesz > p->p_memsz || p->p_offset > f->size || p->p_filesz > f->size - p->p_offset)
		return "truncated, or a segment is outside of the file";
	if (p->p_paddr < BOOT_HIGH)
		return "a segment lies below 1 MiB";
	if (!guest_ptr(f->mem, p->p_paddr, p->p_memsz) || p->p_paddr + p->p_memsz > f->mem->low_size)
		return "does not fit into the guest's memory";
	if (p->p_paddr + p->p_memsz > f->kernel_end)
		f->kernel_end = p->p_paddr + p->p_memsz;
	return mem_load(f->mem, p->p_paddr, f->images->kern_fd, p->p_offset, p->p_filesz);
}

/* Looks through a note segment for what Xen's notes say of the kernel. Notes: name size, value size, type; then both
 * padded to 4 bytes. */
static void
find_notes(const uint8_t *notes, size_t len, struct kernel *k)
{
	size_t off = 0;

	while (len - off >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		size_t name, value;

		memcpy(&n, notes + off, sizeof(n));
		if (n.n_namesz > len || n.n_descsz > len)
			return;
		name = off + sizeof(n);
		value = name + ((n.n_namesz + 3) & ~3U);
		off = value + ((n.n_descsz + 3) & ~3U);
		if (off > len)
			return;
		if (n.n_namesz != 4 || memcmp(notes + name, "Xen", 4))
			continue;
		if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_descsz >= 4)
			memcpy(&k->entry, notes + value, 4);
		if (n.n_type == XEN_ELFNOTE_GUEST_OS && n.n_descsz == 6)
			k->is_linux = !memcmp(notes + value, "linux", 6);
	}
}

static const char *
read_notes(struct boot_file *f, const Elf64_Phdr *p, struct kernel *k)
{
	uint8_t notes[NOTES_MAX];
	ssize_t n = pread(f->images->kern_fd, notes, p->p_filesz < NOTES_MAX ? p->p_filesz : NOTES_MAX,
	    (off_t)p->p_offset);

	if (n < 0)
		return strerror(errno);
	find_notes(notes, (size_t)n, k);
	return NULL;
}

static void
write_start_info(struct boot_file *f)
{
	struct pvh_page *p = guest_ptr(f->mem, BOOT_START_INFO, sizeof(*p));
	struct e820_entry map[E820_MAX];

	p->info = (struct start_info){.magic = START_INFO_MAGIC, .version = 1, .cmdline = BOOT_CMDLINE,
	    .rsdp = f->images->rsdp, .memmap = BOOT_START_INFO + offsetof(struct pvh_page, map),
	    .memmap_entries = boot_e820(f->mem, map)};
	for (unsigned i = 0; i < p->info.memmap_entries; i++)
		p->map[i] = (struct memmap_entry){map[i].addr, map[i].size, map[i].type, 0};
	if (!f->initrd)
		return;
	p->info.nr_modules = 1;
	p->info.modlist = BOOT_START_INFO + offsetof(struct pvh_page, initrd);
	p->initrd = (struct module){f->initrd, f->initrd_size, 0, 0};
}

static const char *
load_segments(struct boot_file *f, const Elf64_Ehdr *h, struct kernel *k)
{
	for (unsigned i = 0; i < h->e_phnum; i++) {
		const char *why = NULL;
		Elf64_Phdr p;

		ssize_t n = pread(f->images->kern_fd, &p, sizeof(p), (off_t)(h->e_phoff + i * sizeof(p)));

		if (n != sizeof(p))
			return n < 0 ? strerror(errno) : "truncated";
		if (p.p_type == PT_LOAD && p.p_memsz)
			why = load_segment(f, &p);
		else if (p.p_type == PT_NOTE && !k->entry)
			why = read_notes(f, &p, k);
		if (why)
			return why;
	}
	return NULL;
}

const char *
boot_elf(struct boot_file *f, struct boot_entry *e)
{
	Elf64_Ehdr h;
	struct kernel k = {0};
	const char *why;

	memcpy(&h, f->head, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_machine != EM_X86_64)
		return "not an x86-64 ELF file";
	if (h.e_phentsize != sizeof(Elf64_Phdr) || !h.e_phnum || h.e_phnum > SEGMENTS_MAX || h.e_phoff > f->size)
		return "bad ELF program headers";
	why = load_segments(f, &h, &k);
	if (why)
		return why;
	if (!k.entry)
		return "ELF without a PVH entry (CONFIG_PVH)";
	why = boot_initrd(f, 0xffffffff);
	if (!why)
		why = boot_cmdline(f, BOOT_CMDLINE_MAX);
	if (why)
		return why;
	/* PVH has no words for a screen, but Linux's own protocol has: that is its ELF entry's, with the first GiB mapped. */
	if (f->images->vga && k.is_linux && h.e_entry >= BOOT_HIGH && h.e_entry < 1 << 30) {
		boot_linux(f, h.e_entry, false, e);
		return NULL;
	}
	write_start_info(f);
	*e = (struct boot_entry){.rip = k.entry, .rbx = BOOT_START_INFO, .gdt = BOOT_GDT};
	return NULL;
}
