/* SPDX-License-Identifier: ISC */
/* The order of a dump's parts, and writing them; the contracts are in dump_file.h. The notes are in dump_note.c. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "kvm-run/dump_file.h"
#include "kvm-run/dump_note.h"

#define PAGE 4096U
#define CHUNK (256U << 10)

struct out {
	int fd;
	bool sparse;
	uint64_t start; /* of the file, where the dump begins */
	uint64_t at;	/* of the dump */
};

static void
add_piece(struct dump_file *f, uint64_t gpa, uint64_t size)
{
	struct dump_piece *last = f->npieces ? &f->pieces[f->npieces - 1] : NULL;

	if (last && last->gpa + last->size == gpa)
		last->size += size;
	else if (f->npieces++ < DUMP_PIECES_MAX)
		f->pieces[f->npieces - 1] = (struct dump_piece){.gpa = gpa, .size = size};
}

bool
dump_file_plan(struct dump_file *f, const struct guest_mem *mem)
{
	const struct mem_hot *h = &mem->hot;

	f->mem = mem;
	f->npieces = 0;
	add_piece(f, 0, mem->low_size);
	if (mem->high_size)
		add_piece(f, MEM_HIGH_START, mem->high_size);
	for (uint64_t i = 0; h->size && i < h->size / h->block && f->npieces <= DUMP_PIECES_MAX; i++)
		if (mem_plugged(mem, i, 1, true))
			add_piece(f, h->start + i * h->block, h->block);
	return f->npieces <= DUMP_PIECES_MAX;
}

uint64_t
dump_file_ram(const struct dump_file *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->npieces; i++)
		sum += f->pieces[i].size;
	return sum;
}

static size_t
head_size(const struct dump_file *f, size_t mappings, size_t vmcoreinfo)
{
	size_t headers = sizeof(Elf64_Ehdr) + (1 + mappings + f->npieces) * sizeof(Elf64_Phdr);

	return align_up(headers + dump_note_size(f->ncpus) + vmcoreinfo, PAGE);
}

size_t
dump_file_buffer(const struct dump_file *f)
{
	size_t head = head_size(f, f->maps.max, DUMP_VMCOREINFO_MAX);

	return head > CHUNK ? head : CHUNK;
}

/* Where the file has a guest-physical address that is of a piece. */
static uint64_t
offset_of(const struct dump_file *f, uint64_t gpa)
{
	const struct dump_piece *p = f->pieces;

	while (gpa - p->gpa >= p->size)
		p++;
	return p->off + (gpa - p->gpa);
}

static Elf64_Phdr
load(uint64_t virt, uint64_t phys, uint64_t size, uint64_t off)
{
	return (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = off, .p_vaddr = virt, .p_paddr = phys,
	    .p_filesz = size, .p_memsz = size};
}

/*
 * The first of two that have an address is the one that debuggers take, so the virtual ones come first. RAM's own, which
 * tools that translate by themselves look up by physical address, follow with those as virtual ones: that is what they are
 * to a processor without paging.
 */
static size_t
make_head(struct dump_file *f)
{
	size_t mappings = f->maps.n, size = head_size(f, mappings, f->vmcoreinfo_size), notes;
	Elf64_Ehdr *e = (Elf64_Ehdr *)f->buf;
	Elf64_Phdr *p = (Elf64_Phdr *)(e + 1);
	uint64_t off = size;

	memset(f->buf, 0, size);
	*e = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_CORE,
	    .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(*e), .e_ehsize = sizeof(*e),
	    .e_phentsize = sizeof(*p), .e_phnum = (Elf64_Half)(1 + mappings + f->npieces)};
	notes = sizeof(*e) + e->e_phnum * sizeof(*p);
	*p++ = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = notes, .p_filesz = dump_note_size(f->ncpus) + f->vmcoreinfo_size};
	for (size_t i = 0; i < f->npieces; i++) {
		f->pieces[i].off = off;
		off += f->pieces[i].size;
	}
	for (const struct dump_mapping *m = f->maps.v; m < f->maps.v + mappings; m++)
		*p++ = load(m->virt, m->phys, m->size, offset_of(f, m->phys));
	for (const struct dump_piece *q = f->pieces; q < f->pieces + f->npieces; q++)
		*p++ = load(q->gpa, q->gpa, q->size, q->off);
	dump_note_make(f->buf + notes, f->cpus, f->ncpus);
	memcpy(f->buf + notes + dump_note_size(f->ncpus), f->vmcoreinfo, f->vmcoreinfo_size);
	return size;
}

static int
put(struct out *o, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = o->sparse ? pwrite(o->fd, p, len, (off_t)(o->start + o->at)) : write(o->fd, p, len);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = o->fd, .events = POLLOUT}, 1, -1);
		else if (n < 0 && errno != EINTR)
			return errno;
		if (n <= 0)
			continue;
		p += n;
		len -= (size_t)n;
		o->at += (uint64_t)n;
	}
	return 0;
}

/* Whole pages; of a file with holes those of zeroes are not written. */
static int
put_pages(struct out *o, const uint8_t *p, size_t len)
{
	int err = 0;

	if (!o->sparse)
		return put(o, p, len);
	for (size_t at = 0, n; at < len && !err; at += n) {
		bool zero = bytes_zero(p + at, PAGE);

		for (n = PAGE; at + n < len && bytes_zero(p + at + n, PAGE) == zero; n += PAGE)
			;
		if (zero)
			o->at += n;
		else
			err = put(o, p + at, n);
	}
	return err;
}

/*
 * Shared memory is read from its file: a mapped page that nobody has touched would be allocated by a look at it, and a file
 * that was cut short would be a signal.
 */
static int
put_ram(struct dump_file *f, struct out *o, const struct dump_piece *piece)
{
	const uint8_t *at = guest_ptr(f->mem, piece->gpa, 1);
	int err = 0;

	for (uint64_t done = 0; done < piece->size && !err;) {
		size_t n = (size_t)min_u64(CHUNK, piece->size - done);
		const uint8_t *from = at + done;

		if (f->mem->fd >= 0) {
			ssize_t got = pread(f->mem->fd, f->buf, n, (off_t)(from - f->mem->base));

			if (got < 0)
				return errno;
			memset(f->buf + got, 0, n - (size_t)got);
			from = f->buf;
		}
		err = put_pages(o, from, n);
		done += n;
		*f->done += n;
	}
	return err;
}

/* Holes want a file of which nothing is there yet, and in which an offset is obeyed. */
static int
open_out(struct out *o, uint64_t size)
{
	off_t start = lseek(o->fd, 0, SEEK_CUR);
	struct stat st;

	if (start < 0 || fstat(o->fd, &st) < 0 || !S_ISREG(st.st_mode) || fcntl(o->fd, F_GETFL) & O_APPEND)
		return 0;
	if (ftruncate(o->fd, start) < 0 || ftruncate(o->fd, start + (off_t)size) < 0)
		return errno;
	o->sparse = true;
	o->start = (uint64_t)start;
	return 0;
}

int
dump_file_write(struct dump_file *f)
{
	struct out o = {.fd = f->fd};
	size_t head;
	int err;

	dump_maps_init(&f->maps);
	for (unsigned i = 0; i < f->ncpus; i++)
		dump_maps_add(&f->maps, &f->cpus[i].sregs);
	f->vmcoreinfo_size = dump_find_vmcoreinfo(f->mem, f->pieces, f->npieces, f->vmcoreinfo);
	head = make_head(f);
	err = open_out(&o, head + dump_file_ram(f));
	if (!err)
		err = put(&o, f->buf, head);
	for (size_t i = 0; i < f->npieces && !err; i++)
		err = put_ram(f, &o, &f->pieces[i]);
	return err;
}
