/* SPDX-License-Identifier: ISC */
/* Guest memory; the contracts are in mem.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "common/fd.h"
#include "kvm-run/mem.h"

#define PAGE 4096ULL
#define HUGE_PAGE (2ULL << 20)

static const char *
map_at(void *at, uint64_t size, int fd)
{
	/* NORESERVE: RAM the guest never touches is not charged, as with any VMM. */
	int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED);

	return mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ? strerror(errno) : NULL;
}

const char *
mem_init(struct guest_mem *m, uint64_t size, int fd)
{
	/* Room on both sides that nothing may touch; RAM begins at a huge page, so that the host can use them. */
	uint8_t *room = mmap(NULL, size + 2 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *base;
	const char *why;

	if (room == MAP_FAILED)
		return strerror(errno);
	base = (uint8_t *)(((uintptr_t)room + HUGE_PAGE) & ~(HUGE_PAGE - 1));
	why = map_at(base, size, fd);
	if (why)
		return why;
	*m = (struct guest_mem){.base = base, .size = size, .fd = fd};
	m->low_size = size < MEM_HOLE_START ? size : MEM_HOLE_START;
	m->high_size = size - m->low_size;
	return NULL;
}

void *
guest_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	if (gpa < m->low_size)
		return len <= m->low_size - gpa ? m->base + gpa : NULL;
	if (gpa >= MEM_HIGH_START && gpa - MEM_HIGH_START < m->high_size &&
	    len <= m->high_size - (gpa - MEM_HIGH_START))
		return m->base + m->low_size + (gpa - MEM_HIGH_START);
	return NULL;
}

/* Copies by read, so that a file truncated meanwhile gives an error and not SIGBUS. */
static const char *
load_copy(uint8_t *to, int fd, uint64_t off, uint64_t len)
{
	while (len) {
		ssize_t n = pread(fd, to, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (!n)
			return "file ends too soon";
		to += n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return NULL;
}

const char *
mem_load(struct guest_mem *m, uint64_t gpa, int fd, uint64_t off, uint64_t len)
{
	uint8_t *to = guest_ptr(m, gpa, len);
	uint64_t whole = len & ~(PAGE - 1);
	const char *why;

	if (!to)
		return "does not fit into the guest's memory";
	/* Pages nobody touches are then never read, and untouched ones are shared with the page cache. */
	if (m->fd < 0 && whole && !((uintptr_t)to & (PAGE - 1)) && !(off & (PAGE - 1))) {
		if (mmap(to, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)off) != MAP_FAILED)
			return load_copy(to + whole, fd, off + whole, len - whole);
		/* A failed MAP_FIXED may have taken the old mapping away. */
		why = map_at(to, whole, -1);
		if (why)
			return why;
	}
	return load_copy(to, fd, off, len);
}

const char *
mem_clear(struct guest_mem *m)
{
	if (m->fd < 0)
		return map_at(m->base, m->size, -1); /* drops mapped kernel pages too */
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)m->size) < 0)
		memset(m->base, 0, m->size);
	return NULL;
}
