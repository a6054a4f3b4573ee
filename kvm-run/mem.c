/* SPDX-License-Identifier: ISC */
/* Guest memory; the contracts are in mem.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/util.h"
#include "kvm-run/mem.h"

#define PAGE 4096ULL
#define HUGE_PAGE (2ULL << 20)
#define HOT_ALIGN (2ULL << 30) /* no guest's unit of adding memory is larger: Linux's has up to 2 GiB */
#define BITS 64

bool
mem_advise(const struct guest_mem *m, void *at, uint64_t len)
{
	if (m->merge && madvise(at, len, MADV_MERGEABLE) < 0)
		return false;
	return !m->advice || madvise(at, len, m->advice) == 0;
}

static const char *
map_at(const struct guest_mem *m, uint64_t off, uint64_t size, int flags)
{
	flags |= MAP_FIXED | (m->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
	if (mmap(m->base + off, size, PROT_READ | PROT_WRITE, flags, m->fd, m->fd < 0 ? 0 : (off_t)off) == MAP_FAILED)
		return strerror(errno);
	mem_advise(m, m->base + off, size); /* if it could be done, it was when memory was made */
	return NULL;
}

static const char *
map_private(const struct guest_mem *m, uint64_t off, uint64_t size)
{
	/* NORESERVE: RAM the guest never touches is not charged, as with any VMM. */
	return map_at(m, off, size, MAP_NORESERVE);
}

static uint64_t
page_size(int fd)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : PAGE;
}

/* The unit of plugging for memory of such pages. */
static uint64_t
hot_block(uint64_t page)
{
	return page > HUGE_PAGE ? page : HUGE_PAGE;
}

static const char *
init_hot(struct guest_mem *m, uint64_t size)
{
	struct mem_hot *h = &m->hot;

	if (!size)
		return NULL;
	if ((m->size | size) % hot_block(m->page))
		return "what is there at the start and what can be plugged in are whole blocks of 2 MiB, or of the pages";
	h->start = align_up(MEM_HIGH_START + m->high_size, HOT_ALIGN);
	h->size = size;
	h->block = hot_block(m->page);
	h->plugged = calloc(size / h->block / BITS + 1, sizeof(*h->plugged));
	return h->plugged ? NULL : strerror(ENOMEM);
}

const char *
mem_init(struct guest_mem *m, uint64_t size, uint64_t hot, int fd)
{
	/* Room on both sides that nothing may touch; RAM begins at a huge page, so that the host can use them. */
	uint64_t page = page_size(fd), align = max_u64(page, HUGE_PAGE);
	uint8_t *room = mmap(NULL, size + hot + 2 * align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const char *why;

	if (room == MAP_FAILED)
		return strerror(errno);
	*m = (struct guest_mem){.size = size, .fd = fd, .page = page};
	m->base = (uint8_t *)align_up((uintptr_t)room, align);
	m->low_size = min_u64(size, MEM_HOLE_START);
	m->high_size = size - m->low_size;
	/* Huge pages are reserved for RAM, so that they are there when it is used; for the rest when it is plugged in. */
	why = fd < 0 ? map_private(m, 0, size + hot) : map_at(m, 0, size, 0);
	if (!why && fd >= 0 && hot)
		why = map_at(m, size, hot, MAP_NORESERVE);
	return why ? why : init_hot(m, hot);
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

/* By read, so that a file truncated meanwhile gives an error and not SIGBUS. */
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
mem_read(struct guest_mem *m, uint64_t gpa, int fd, uint64_t off, uint64_t len)
{
	uint8_t *to = guest_ptr(m, gpa, len);

	return to ? load_copy(to, fd, off, len) : "does not fit into the guest's memory";
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

	/* Pages nobody touches are then never read. */
	if (to && m->fd < 0 && !m->copy && !m->keep && whole && !((uintptr_t)to & (PAGE - 1)) && !(off & (PAGE - 1))) {
		note_file(m, (uint64_t)(to - m->base), (uint64_t)(to - m->base) + whole);
		if (mmap(to, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)off) != MAP_FAILED) {
			mem_advise(m, to, whole);
			return load_copy(to + whole, fd, off + whole, len - whole);
		}
		/* A failed MAP_FIXED may have taken the old mapping away. */
		why = map_private(m, (uint64_t)(to - m->base), whole);
		if (why)
			return why;
	}
	return mem_read(m, gpa, fd, off, len);
}

const char *
mem_clear(struct guest_mem *m)
{
	uint64_t size = m->size + m->hot.size;

	m->nfiles = 0;
	if (m->fd < 0 && m->copy) /* nothing else is mapped; where its pages come from stays as it is */
		return madvise(m->base, size, MADV_DONTNEED) < 0 ? strerror(errno) : NULL;
	if (m->fd < 0)
		return map_private(m, 0, size); /* drops mapped kernel pages too */
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0)
		memset(m->base, 0, size);
	return NULL;
}
