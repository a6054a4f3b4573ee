/* SPDX-License-Identifier: ISC */
/* The guest's memory as it was asked for; the contracts are in memory.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/memory.h"
#include "kvm-run/memory_fault.h"
#include "kvm-run/memory_host.h"
#include "kvm-run/memory_populate.h"
#include "kvm-run/memslot.h"
#include "kvm-run/vga.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define HOST_NODES 1024 /* MAX_NUMNODES is never more */

#define MIB(bytes) ((unsigned long long)(bytes) >> 20)

/* With what can be plugged in. */
static uint64_t
all_memory(const struct memory_options *o)
{
	return o->max ? o->max : o->size;
}

/* With a mem wire the file's size is the memory's, and what the file's pages are it has decided. */
static int
wire_file(struct memory_options *o, const struct wire *w)
{
	struct stat st;

	if (o->huge || o->share)
		die_usage("-m: %s: there is a mem wire", o->huge ? "huge" : "share");
	if (o->merge)
		die_usage("-m: merge: only private memory is merged, not a mem wire's");
	if (fstat(w->fds[0], &st) < 0)
		die_sys("%s", w->id);
	if (st.st_size < (off_t)MEMORY_MIN || st.st_size % 4096)
		die_usage("mem wire: its size is not at least 1 MiB and whole pages");
	if (o->given && all_memory(o) != (uint64_t)st.st_size)
		die_usage("-m: the mem wire's size is another one, %lld bytes", (long long)st.st_size);
	if (!o->max)
		o->size = (uint64_t)st.st_size;
	return w->fds[0];
}

/* Without one: a file in memory where the pages are to be huge or for others to map too, else none. */
static int
own_file(const struct memory_options *o, struct why *w)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	if (!o->huge && !o->share)
		return -1;
	if (o->huge)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(o->huge) << MAP_HUGE_SHIFT; /* memfd_create(2) */
	fd = memfd_create("memory", flags);
	if (fd < 0 && o->huge && memory_host_huge(o->huge, o->size, HOST_ANY_NODE, w))
		die("memory: %s", w->text);
	/* Nobody who is handed it makes it smaller under our feet. */
	if (fd < 0 || ftruncate(fd, (off_t)all_memory(o)) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		die_sys("memory: memfd");
	return fd;
}

static uint64_t
node_size(const struct memory_options *o, unsigned node)
{
	return o->nodes > 1 ? o->node_size[node] : o->size;
}

/* Whether the host, or its nodes where the guest's are bound, has what is to be taken at once or was promised in huge pages. */
static const char *
check_host(const struct memory_options *o, const struct guest_mem *m, struct why *w)
{
	bool huge = m->page > 4096;

	if (!o->hosts && !huge) /* huge ones are reserved when they are mapped */
		return memory_host_room(m->size, HOST_ANY_NODE, w);
	for (unsigned i = 0; i < o->hosts; i++) {
		const char *reason;
		uint64_t size = 0;

		for (unsigned j = 0; j < o->hosts; j++)
			size += o->host[j] == o->host[i] ? node_size(o, j) : 0;
		reason = huge ? memory_host_huge(m->page, size, (int)o->host[i], w) : memory_host_room(size, (int)o->host[i], w);
		if (reason)
			return reason;
	}
	return NULL;
}

static const char *
bind_to(uint8_t *at, uint64_t size, unsigned node, struct why *w)
{
	const unsigned bits = 8 * sizeof(long);
	unsigned long mask[HOST_NODES / (8 * sizeof(long))] = {0};

	mask[node / bits] = 1UL << node % bits;
	if (syscall(SYS_mbind, at, size, MPOL_BIND, mask, HOST_NODES + 1, 0) == 0) /* it takes one off */
		return NULL;
	if (errno == EINVAL)
		return why(w, "host: node %u: this host has none with memory", node);
	return why(w, "host: node %u: %s", node, strerror(errno));
}

/* Before any page is there: each then comes from the node of the host that the guest's is bound to. What is plugged in later is
 * of the guest's first node. */
static const char *
bind_nodes(const struct memory_options *o, const struct guest_mem *m, struct why *w)
{
	const char *reason = NULL;
	uint8_t *at = m->base;

	for (unsigned i = 0; i < o->hosts && !reason; at += node_size(o, i), i++)
		reason = node_size(o, i) % m->page ? "host: the guest's nodes are not whole huge pages" :
		    bind_to(at, node_size(o, i), o->host[i], w);
	if (o->hosts && m->hot.size && !reason)
		reason = bind_to(at, m->hot.size, o->host[0], w);
	return reason;
}

static const char *
advise(const struct memory_options *o, struct guest_mem *m)
{
	m->merge = o->merge;
	if (o->thp != THP_HOST && m->page == 4096)
		m->advice = o->thp == THP_ALWAYS ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
	if (o->merge && !memory_host_merges())
		warn("memory: merge: KSM does not run on this host, see /sys/kernel/mm/ksm/run");
	if (mem_advise(m, m->base, m->size + m->hot.size))
		return NULL;
	if (errno != EINVAL)
		return strerror(errno);
	if (o->merge && madvise(m->base, m->size, MADV_MERGEABLE) < 0)
		return "merge: this kernel has no KSM";
	m->advice = 0; /* a kernel without transparent huge pages */
	return NULL;
}

/* Each page stays from when it is there: with -P, from the start. Huge ones do anyway. */
static const char *
lock(const struct guest_mem *m, struct why *w)
{
	struct rlimit limit;
	int err;

	if (m->page > 4096 || mlock2(m->base, m->size + m->hot.size, MLOCK_ONFAULT) == 0)
		return NULL;
	err = errno;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < m->size + m->hot.size)
		return why(w, "lock: more than may be locked, %llu MiB: see ulimit -l", MIB(limit.rlim_cur));
	return why(w, "lock: %s", strerror(err));
}

static const char *
prepare(struct vm *vm, struct why *w)
{
	const struct memory_options *o = &vm->opt.memory;
	struct guest_mem *m = &vm->mem;
	const char *reason = NULL;

	m->keep = o->lock || vm->opt.populate || m->page > 4096;
	m->copy = o->hosts; /* a file's pages are where they are */
	if (m->page > 4096 || (vm->opt.populate && !wires_first(&vm->wires, WIRE_MEM)))
		reason = check_host(o, m, w);
	if (!reason)
		reason = bind_nodes(o, m, w);
	if (!reason)
		reason = advise(o, m);
	if (!reason && o->lock)
		reason = lock(m, w);
	if (!reason && vm->opt.populate)
		reason = memory_populate(m, false, isatty(2) && diag_verbose >= 0, w);
	return reason;
}

static void
map(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *at)
{
	errno = -vm_map(vm, slot, gpa, size, at, 0);
	if (errno)
		die_sys("memory");
}

/* Its window is a hole in the guest's memory. */
static bool
has_vga(const struct vm *vm)
{
	for (const struct wire *w = vm->wires.v; w < vm->wires.v + vm->wires.n; w++)
		if (wiring_is_vga(w))
			return true;
	return false;
}

static void
show_to_kvm(struct vm *vm)
{
	const struct guest_mem *m = &vm->mem;

	map(vm, MEM_SLOT_LOW, 0, has_vga(vm) ? VGA_WINDOW : m->low_size, m->base);
	if (has_vga(vm))
		map(vm, MEM_SLOT_ABOVE_VGA, VGA_WINDOW_END, m->low_size - VGA_WINDOW_END, m->base + VGA_WINDOW_END);
	if (m->high_size)
		map(vm, MEM_SLOT_HIGH, MEM_HIGH_START, m->high_size, m->base + m->low_size);
}

void
memory_create(struct vm *vm)
{
	const struct wire *wire = wires_first(&vm->wires, WIRE_MEM);
	struct memory_options *o = &vm->opt.memory;
	struct guest_mem *m = &vm->mem;
	struct why w;
	int fd = wire ? wire_file(o, wire) : own_file(o, &w);
	const char *reason = mem_init(m, o->size, all_memory(o) - o->size, fd);

	if (reason && m->page > 4096 && memory_host_huge(m->page, o->size, HOST_ANY_NODE, &w))
		reason = w.text;
	if (!reason)
		reason = prepare(vm, &w);
	if (reason)
		die("memory of %llu MiB: %s", MIB(o->size), reason);
	show_to_kvm(vm);
	memory_fault_watch(vm);
}

const char *
memory_reset(struct vm *vm, struct why *w)
{
	struct guest_mem *m = &vm->mem;

	if (!m->keep)
		return mem_clear(m);
	if (m->hot.size && mem_discard(m, m->base + m->size, m->hot.size) != m->hot.size)
		return "what was plugged in cannot be cleared";
	return memory_populate(m, true, false, w);
}

const char *
memory_merge(struct vm *vm, bool on)
{
	struct guest_mem *m = &vm->mem;

	if (m->fd >= 0)
		return "only private memory is merged, not huge or shared";
	if (madvise(m->base, m->size + m->hot.size, on ? MADV_MERGEABLE : MADV_UNMERGEABLE) < 0)
		return errno == EINVAL ? "this kernel has no KSM" : strerror(errno);
	m->merge = on;
	return NULL;
}
