/* links: kvm-run/dump_map.c kvm-run/dump_file.c kvm-run/dump_note.c kvm-run/dump_find.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* What page tables of each kind map, hostile ones too; and a dump of memory in three pieces, read back. gdb reads one in dump.bats. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "common/bytes.h"
#include "kvm-run/dump_file.h"
#include "tests/unit/tap.h"

#define RAM (4U << 20) /* and so much from 4 GiB on, and plugged in */
#define BLOCK (1U << 20)
#define HOT (MEM_HIGH_START + (1U << 30))

#define CR0_PG (1U << 31)
#define CR4_PSE (1U << 4)
#define CR4_PAE (1U << 5)
#define CR4_LA57 (1U << 12)
#define LMA (1U << 10)
#define P 3ULL
#define PS 0x80ULL

static uint64_t plugged = 0x5; /* blocks 0 and 2 of four */
static struct guest_mem mem = {.size = 2 * RAM, .low_size = RAM, .high_size = RAM, .fd = -1, .page = 4096,
    .hot = {.start = HOT, .size = 4 * BLOCK, .block = BLOCK, .plugged = &plugged}};
static struct dump_file file;
static struct dump_maps *const maps = &file.maps;

static void
clear(void)
{
	memset(mem.base, 0, 2 * RAM + 4 * BLOCK);
	dump_maps_init(maps);
}

/* Entry i of the table at a guest address. */
static void
set(uint64_t table, unsigned i, uint64_t v)
{
	put_le64(mem.base + table + 8 * i, v);
}

static void
set32(uint64_t table, unsigned i, uint32_t v)
{
	put_le32(mem.base + table + 4 * i, v);
}

static void
add(uint64_t cr3, uint64_t cr4, uint64_t efer)
{
	dump_maps_add(maps, &(struct kvm_sregs){.cr0 = CR0_PG, .cr3 = cr3, .cr4 = cr4, .efer = efer});
}

static bool
maps_to(size_t i, uint64_t virt, uint64_t phys, uint64_t size)
{
	const struct dump_mapping *m = &maps->v[i];

	if (i < maps->n && m->virt == virt && m->phys == phys && m->size == size)
		return true;
	if (i < maps->n)
		printf("# %#llx to %#llx, %#llx bytes\n", (unsigned long long)m->virt, (unsigned long long)m->phys, (unsigned long long)m->size);
	return false;
}

static void
check_long_mode(void)
{
	clear();
	set(0x1000, 0, 0x2000 | P);	  /* user: small pages, two of them adjacent */
	set(0x2000, 0, 0x3000 | P);
	set(0x3000, 2, 0x4000 | P);
	set(0x4000, 0, 0x100000 | P | 1ULL << 63);
	set(0x4000, 1, 0x101000 | P);
	set(0x4000, 2, 0x103000 | P);
	set(0x4000, 3, 0x104000); /* not present */
	set(0x4000, 4, 0x80000000ULL | P); /* no RAM */
	set(0x1000, 273, 0x5000 | P);	  /* the kernel's direct map: a page of 1 GiB, and two of 2 MiB beyond 4 GiB */
	set(0x5000, 0, P | PS);
	set(0x5000, 4, 0x6000 | P);
	set(0x6000, 0, MEM_HIGH_START | P | PS);
	set(0x6000, 1, (MEM_HIGH_START + (2 << 20)) | P | PS | 0x1000); /* its PAT bit */
	set(0x1000, 300, 0xfff000000ULL | P); /* a table that is no RAM */
	add(0x1fff, CR4_PAE, LMA); /* flags in the low bits */
	ok(maps->n == 4, "long mode: %zu mappings", maps->n);
	ok(maps_to(0, 0x400000, 0x100000, 0x2000) && maps_to(1, 0x402000, 0x103000, 0x1000), "small pages, adjacent ones as one");
	ok(maps_to(2, 0xffff888000000000, 0, RAM), "a page of 1 GiB, as far as RAM goes");
	ok(maps_to(3, 0xffff888100000000, MEM_HIGH_START, RAM), "two of 2 MiB, as one");
	/* Another processor: the same kernel, whose entry has been used, another user, and something more. */
	set(0x7000, 0, 0x2000 | P);
	set(0x7000, 273, 0x5000 | P | 0x20);
	set(0x7000, 511, 0x8000 | P);
	set(0x8000, 510, 0x9000 | P);
	set(0x9000, 8, HOT | P | PS);
	add(0x7000, CR4_PAE, LMA);
	ok(maps->n == 5 && maps_to(4, 0xffffffff81000000, HOT, BLOCK), "of another processor what is new of its kernel; of its page what is plugged in");
	add(0x7000, CR4_PAE, LMA);
	ok(maps->n == 5, "and of a third nothing");
}

static void
check_other_modes(void)
{
	clear();
	dump_maps_add(maps, &(struct kvm_sregs){.cr3 = 0x1000});
	ok(!maps->n && !maps->begun, "no paging");
	set(0xa000, 256, 0x1000 | P);
	set(0x1000, 0, 0x2000 | P);
	set(0x2000, 1, P | PS);
	add(0xa000, CR4_PAE | CR4_LA57, LMA);
	ok(maps->n == 1 && maps_to(0, 0xff00000040000000, 0, RAM), "five levels");
	clear();
	set(0x1020, 3, 0x2000 | 1);
	set(0x2000, 511, 0x200000 | P | PS);
	set(0x1020, 2, 0x3000 | 1 | PS); /* no such page: a table */
	set(0x3000, 0, 0x4000 | P);
	set(0x4000, 7, 0x5000 | P);
	add(0x1020, CR4_PAE, 0);
	ok(maps->n == 2 && maps_to(0, 0x80007000, 0x5000, 0x1000) && maps_to(1, 0xffe00000, 0x200000, 0x200000), "PAE");
	add(0x1020, CR4_PAE, 0);
	ok(maps->n == 2, "of the first processor alone");
	clear();
	set32(0x1000, 768, 0x83);
	set32(0x1000, 769, 1 << 13 | 0x83); /* at 4 GiB, PSE-36 */
	set32(0x1000, 1, 0x2000 | 3);
	set32(0x2000, 1023, 0x5000 | 3);
	add(0x1000, CR4_PSE, 0);
	ok(maps->n == 3 && maps_to(0, 0x7ff000, 0x5000, 0x1000) && maps_to(1, 0xc0000000, 0, RAM) &&
	       maps_to(2, 0xc0400000, MEM_HIGH_START, RAM), "32 bits, with pages of 4 MiB");
	clear();
	set32(0x1000, 768, 0x2083);
	add(0x1000, 0, 0);
	ok(!maps->n, "and without");
}

/* Tables that are their own next ones, each entry of them: as many ways as there are addresses. */
static void
check_loops(void)
{
	clear();
	for (unsigned i = 0; i < 512; i++)
		set(0x1000, i, 0x1000 | P);
	add(0x1000, CR4_PAE, LMA);
	ok(maps->n == maps->max && !maps->budget, "tables that form loops come to an end");
	clear();
	for (unsigned i = 0; i < 512; i++)
		set(0x1000, i, ~0ULL);
	add(0x1000, CR4_PAE, LMA);
	add(~0ULL, CR4_PAE, LMA);
	add(RAM - 8, CR4_PAE, 0);
	ok(!maps->n, "addresses that are no RAM are passed over");
}

static void
plan(void)
{
	static struct dump_cpu cpus[2];

	memset(cpus, 0, sizeof(cpus));
	cpus[0] = (struct dump_cpu){.index = 0, .regs = {.rip = 0x1234, .r15 = 15}, .sregs = {.cr0 = CR0_PG, .cr3 = 0x1000,
	    .cr4 = CR4_PAE, .efer = LMA, .gs.base = 0x77}};
	cpus[1] = (struct dump_cpu){.index = 5};
	file.cpus = cpus;
	file.ncpus = 2;
	set(0x1000, 511, 0x2000 | P);
	set(0x2000, 511, 0x3000 | P);
	set(0x3000, 1, HOT | P | PS);
	strcpy((char *)mem.base + 0x5000, "low");
	strcpy((char *)mem.base + RAM + 0x5000, "high");
	strcpy((char *)mem.base + 2 * RAM + 0x5000, "plugged");
	strcpy((char *)mem.base + 2 * RAM + BLOCK + 0x5000, "absent");
	strcpy((char *)mem.base + 2 * RAM + 2 * BLOCK + 0x5000, "behind");
}

/* The string at an address, of the first header whose address of that kind has it; "": none. */
static const char *
find(const uint8_t *core, uint64_t at, bool virtual)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)core;
	const Elf64_Phdr *p = (const Elf64_Phdr *)(core + e->e_phoff);

	for (unsigned i = 1; i < e->e_phnum; i++) {
		uint64_t start = virtual ? p[i].p_vaddr : p[i].p_paddr;

		if (at - start < p[i].p_filesz)
			return (const char *)core + p[i].p_offset + (at - start);
	}
	return "";
}

static void
check_file(void)
{
	char path[] = "/tmp/dump.XXXXXX";
	_Atomic uint64_t done = 0;
	struct elf_prstatus status;
	uint8_t *core;
	off_t size;

	clear();
	plan();
	file.fd = mkstemp(path);
	unlink(path);
	file.done = &done;
	ok(dump_file_plan(&file, &mem) && file.npieces == 4 && dump_file_ram(&file) == 2 * RAM + 2 * BLOCK, "four pieces");
	maps->npieces = file.npieces;
	ok(dump_file_write(&file) == 0 && done == dump_file_ram(&file), "written");
	size = lseek(file.fd, 0, SEEK_END);
	core = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file.fd, 0);
	if (core == MAP_FAILED)
		exit(1);
	is(find(core, 0x5000, false), "low", "low memory");
	is(find(core, MEM_HIGH_START + 0x5000, false), "high", "high memory");
	is(find(core, HOT + 0x5000, false), "plugged", "what is plugged in");
	is(find(core, HOT + BLOCK + 0x5000, false), "", "and not what is not");
	is(find(core, HOT + 2 * BLOCK + 0x5000, false), "behind", "behind that");
	is(find(core, 0xffffffffc0205000, true), "plugged", "by its virtual address");
	memcpy(&status, core + ((const Elf64_Phdr *)(core + 64))->p_offset + 12 + 8, sizeof(status));
	ok(status.pr_pid == 1 && status.pr_reg[16] == 0x1234 && status.pr_reg[0] == 15 && status.pr_reg[22] == 0x77, "registers");
	munmap(core, (size_t)size);
	close(file.fd);
	file.fd = -1;
	ok(dump_file_write(&file) == EBADF, "an error is told");
}

/* A note that begins a page at `at`: a name, a text of `size` bytes. */
static void
put_note(uint64_t at, uint32_t namesz, uint32_t size, uint32_t type, const char *name, const char *text)
{
	uint8_t *p = mem.base + at;

	memset(mem.base, 0, 2 * RAM + 4 * BLOCK);
	memcpy(p, (uint32_t[]){namesz, size, type}, 12);
	strcpy((char *)p + 12, name);
	strcpy((char *)p + 24, text);
}

static void
check_vmcoreinfo(void)
{
	static const char text[] = "OSRELEASE=6.1\nSYMBOL(x)=1\n";
	static const struct {
		uint64_t at;
		uint32_t namesz, size, type, found;
		const char *name, *text;
	} cases[] = {
	    {0x3000, 11, sizeof(text) - 1, 0, 24 + 28, "VMCOREINFO", text},
	    {RAM + 0x5000, 11, 4096, 0, 24 + 4096, "VMCOREINFO", text},
	    {2 * RAM, 11, 28, 0, 52, "VMCOREINFO", text},
	    {2 * RAM + BLOCK, 11, 28, 0, 0, "VMCOREINFO", text}, /* not plugged in */
	    {0x3010, 11, 28, 0, 0, "VMCOREINFO", text},
	    {0x3000, 11, 4097, 0, 0, "VMCOREINFO", text},
	    {0x3000, 11, ~0U, 0, 0, "VMCOREINFO", text},
	    {0x3000, 11, 3, 0, 0, "VMCOREINFO", text},
	    {0x3000, 10, 28, 0, 0, "VMCOREINFO", text},
	    {0x3000, 11, 28, 1, 0, "VMCOREINFO", text},
	    {0x3000, 11, 28, 0, 0, "VMCOREINFX", text},
	    {0x3000, 11, 28, 0, 0, "VMCOREINFO", "XSRELEASE=6.1"},
	    {RAM - 4096, 11, 4090, 0, 0, "VMCOREINFO", text}, /* its end is beyond RAM */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t size;

		put_note(cases[i].at, cases[i].namesz, cases[i].size, cases[i].type, cases[i].name, cases[i].text);
		size = dump_find_vmcoreinfo(&mem, file.pieces, file.npieces, file.vmcoreinfo);
		ok(size == cases[i].found && (!size || !memcmp(file.vmcoreinfo, mem.base + cases[i].at, size)),
		    "VMCOREINFO %zu: %u bytes", i, size);
	}
}

static void
check_pieces(void)
{
	static uint64_t many[32];

	mem.hot = (struct mem_hot){.start = HOT, .size = 2000ULL * BLOCK, .block = BLOCK, .plugged = many};
	memset(many, 0x55, sizeof(many));
	ok(!dump_file_plan(&file, &mem), "a thousand pieces are too many");
	memset(many, 0xff, sizeof(many));
	ok(dump_file_plan(&file, &mem) && file.npieces == 3 && file.pieces[2].size == 2000ULL * BLOCK, "adjacent blocks are one");
}

int
main(void)
{
	mem.base = mmap(NULL, 2 * RAM + 4 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	maps->max = 4096;
	maps->v = calloc(maps->max, sizeof(*maps->v));
	if (mem.base == MAP_FAILED || !maps->v || !dump_file_plan(&file, &mem))
		return 1;
	maps->mem = &mem;
	maps->pieces = file.pieces;
	maps->npieces = file.npieces;
	file.buf = malloc(dump_file_buffer(&file) + (1 << 20));
	check_long_mode();
	check_other_modes();
	check_loops();
	check_file();
	check_vmcoreinfo();
	check_pieces();
	free(file.buf);
	free(maps->v);
	return tap_done();
}
