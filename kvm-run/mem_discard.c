/* SPDX-License-Identifier: ISC */
/* Giving the guest's memory back to the host while it runs; the contract is in mem.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "common/bytes.h"
#include "kvm-run/mem.h"

#define HUGE_PAGE (2ULL << 20)

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24 /* Linux 5.18 */
#endif

/*
 * Where a file is mapped, dropped pages would show the file's bytes again: no zeroes, as guests that clear what they free rely
 * on. So anonymous memory takes its place, in pieces so large that a guest cannot cut the mapping into more than the host allows.
 */
static uint64_t
drop_file(const struct guest_mem *m, uint64_t off, uint64_t end)
{
	off = align_up(off, HUGE_PAGE);
	end = align_down(end, HUGE_PAGE);
	if (off >= end || mmap(m->base + off, end - off, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 0;
	mem_advise(m, m->base + off, end - off);
	return end - off;
}

static uint64_t
drop(const struct guest_mem *m, uint64_t off, uint64_t end)
{
	if (m->fd >= 0)
		return fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)(end - off)) ? 0 : end - off;
	if (madvise(m->base + off, end - off, MADV_DONTNEED) == 0)
		return end - off;
	/* Locked memory wants to be asked by another name. */
	return errno == EINVAL && madvise(m->base + off, end - off, MADV_DONTNEED_LOCKED) == 0 ? end - off : 0;
}

/* Where the piece that begins at off ends, in which files are mapped or in which none are. */
static uint64_t
piece(const struct guest_mem *m, uint64_t off, uint64_t end, bool *files)
{
	*files = false;
	for (const struct mem_extent *f = m->files; f < m->files + m->nfiles; f++) {
		if (f->end <= off)
			continue;
		*files |= f->start <= off;
		end = min_u64(end, f->start <= off ? f->end : f->start);
	}
	return end;
}

uint64_t
mem_discard(const struct guest_mem *m, void *at, uint64_t len)
{
	uint64_t off = align_up((uint64_t)((uint8_t *)at - m->base), m->page);
	uint64_t end = align_down((uint64_t)((uint8_t *)at - m->base) + len, m->page), to, given = 0;
	bool files;

	if (m->keep && off < m->size)
		return 0;
	for (; off < end; off = to) {
		to = piece(m, off, end, &files);
		given += files ? drop_file(m, off, to) : drop(m, off, to);
	}
	return given;
}
