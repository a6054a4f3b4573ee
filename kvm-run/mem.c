/* SPDX-License-Identifier: ISC */
/* Guest memory; the contracts are in mem.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/util.h"
#include "kvm-run/mem.h"

#define PAGE 4096ULL
#define HUGE_PAGE (2ULL << 20)
#define HOT_ALIGN (2ULL << 30) /* no guest's unit of adding memory is larger: Linux's has up to 2 GiB */
#define BITS 64

static const char *
map_at(void *at, uint64_t size, int fd)
{
	/* NORESERVE: RAM the guest never touches is not charged, as with any VMM. */
	int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED);

	return mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ? strerror(errno) : NULL;
}

uint64_t
mem_hot_block(uint64_t page)
{
	return page > HUGE_PAGE ? page : HUGE_PAGE;
}

static const char *
init_hot(struct guest_mem *m, uint64_t size)
{
	struct mem_hot *h = &m->hot;

	if (!size)
		return NULL;
	if ((m->size | size) % mem_hot_block(m->page))
		return "what is there at the start and what can be plugged in are whole blocks of 2 MiB, or of the pages";
	h->start = align_up(MEM_HIGH_START + m->high_size, HOT_ALIGN);
	h->size = size;
	h->block = mem_hot_block(m->page);
	h->plugged = calloc(size / h->block / BITS + 1, sizeof(*h->plugged));
	return h->plugged ? NULL : strerror(ENOMEM);
}

const char *
mem_init(struct guest_mem *m, uint64_t size, uint64_t hot, int fd)
{
	/* Room on both sides that nothing may touch; RAM begins at a huge page, so that the host can use them. */
	uint8_t *room = mmap(NULL, size + hot + 2 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *base;
	const char *why;

	if (room == MAP_FAILED)
		return strerror(errno);
	base = (uint8_t *)(((uintptr_t)room + HUGE_PAGE) & ~(HUGE_PAGE - 1));
	why = map_at(base, size + hot, fd);
	if (why)
		return why;
	*m = (struct guest_mem){.base = base, .size = size, .fd = fd, .page = PAGE};
	m->low_size = size < MEM_HOLE_START ? size : MEM_HOLE_START;
	m->high_size = size - m->low_size;
	return init_hot(m, hot);
}

bool
mem_plugged(const struct guest_mem *m, uint64_t first, uint64_t n, bool in)
{
	for (uint64_t i = first; i < first + n; i++)
		if ((__atomic_load_n(&m->hot.plugged[i / BITS], __ATOMIC_RELAXED) >> i % BITS & 1) != in)
			return false;
	return true;
}

void
mem_plug(struct guest_mem *m, uint64_t first, uint64_t n, bool in)
{
	for (uint64_t i = first; i < first + n; i++) {
		uint64_t bit = 1ULL << i % BITS;

		if (in)
			__atomic_fetch_or(&m->hot.plugged[i / BITS], bit, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&m->hot.plugged[i / BITS], ~bit, __ATOMIC_RELAXED);
	}
}

static void *
hot_ptr(const struct guest_mem *m, uint64_t off, uint64_t len)
{
	const struct mem_hot *h = &m->hot;
	uint64_t first = off / h->block, last = (off + len - !!len) / h->block;

	return mem_plugged(m, first, last - first + 1, true) ? m->base + m->size + off : NULL;
}

void *
guest_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	uint64_t off = gpa - m->hot.start;

	if (gpa < m->low_size)
		return len <= m->low_size - gpa ? m->base + gpa : NULL;
	if (gpa >= MEM_HIGH_START && gpa - MEM_HIGH_START < m->high_size)
		return len <= m->high_size - (gpa - MEM_HIGH_START) ? m->base + m->low_size + (gpa - MEM_HIGH_START) : NULL;
	return off < m->hot.size && len <= m->hot.size - off ? hot_ptr(m, off, len) : NULL;
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

/* When there are too many, the last one grows over what lies between. */
static void
note_file(struct guest_mem *m, uint64_t start, uint64_t end)
{
	struct mem_extent *last = &m->files[ARRAY_LEN(m->files) - 1];

	if (m->nfiles < ARRAY_LEN(m->files))
		m->files[m->nfiles++] = (struct mem_extent){start, end};
	else
		*last = (struct mem_extent){min_u64(start, last->start), max_u64(end, last->end)};
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
		note_file(m, (uint64_t)(to - m->base), (uint64_t)(to - m->base) + whole);
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
	uint64_t size = m->size + m->hot.size;

	m->nfiles = 0;
	if (m->fd < 0)
		return map_at(m->base, size, -1); /* drops mapped kernel pages too */
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0)
		memset(m->base, 0, size);
	return NULL;
}
