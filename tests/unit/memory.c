/* links: kvm-run/iothread.c kvm-run/seal_threads.c kvm-run/mem.c kvm-run/mem_discard.c kvm-run/memory_fault.c kvm-run/memory_host.c kvm-run/memory_populate.c */
/* SPDX-License-Identifier: ISC */
/* Taking memory from the host, what is told it of it, and what is not there when it is needed. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/iothread.h"
#include "kvm-run/memory_fault.h"
#include "kvm-run/memory_host.h"
#include "kvm-run/memory_populate.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

#define PAGE 4096
#define SIZE (8 << 20)
#define FILE_SIZE (3 << 20) /* what is left of a file cut short */

static struct vm vm;
static struct why w;
static bool old_kernel;
static unsigned merged, advised;

void
vm_end(struct vm *v, enum vm_end how)
{
	if (v->end == VM_RUNNING)
		v->end = how;
}

/* The kernel's, or that of Linux before 5.14. */
int
madvise(void *at, size_t len, int advice)
{
	merged += advice == MADV_MERGEABLE;
	advised += advice == MADV_NOHUGEPAGE;
	if (advice == MADV_MERGEABLE || advice == MADV_NOHUGEPAGE) /* which not every kernel has */
		return 0;
	if (old_kernel && advice == 23) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, at, len, advice);
}

static unsigned
pages_there(const struct guest_mem *m)
{
	static unsigned char in[SIZE / PAGE];
	unsigned n = 0;

	mincore(m->base, m->size, in);
	for (unsigned i = 0; i < m->size / PAGE; i++)
		n += in[i] & 1;
	return n;
}

static void
make(int fd)
{
	vm = (struct vm){.end = VM_RUNNING};
	if (mem_init(&vm.mem, SIZE, 0, fd))
		die("mem_init");
}

static int
memory_file(void)
{
	int fd = memfd_create("memory", 0);

	if (fd < 0 || ftruncate(fd, SIZE))
		die_sys("memfd");
	return fd;
}

static void
test_take(const char *kernel)
{
	struct guest_mem *m = &vm.mem;
	int fd = memory_file();

	make(-1);
	m->base[PAGE + 1] = 7;
	ok(pages_there(m) < SIZE / PAGE, "%s: at first few pages are there", kernel);
	is(memory_populate(m, false, false, &w), NULL, "populate private memory");
	ok(pages_there(m) == SIZE / PAGE, "all of them are there, %u", pages_there(m));
	ok(m->base[PAGE + 1] == 7 && !m->base[PAGE], "what was written stays");
	is(memory_populate(m, true, false, &w), NULL, "zero it");
	ok(!m->base[PAGE + 1] && pages_there(m) == SIZE / PAGE, "it is, and there");
	munmap(m->base, SIZE);

	make(fd);
	m->base[SIZE - 1] = 7;
	is(memory_populate(m, false, false, &w), NULL, "populate a file's");
	ok(m->base[SIZE - 1] == 7 && lseek(fd, 0, SEEK_HOLE) == SIZE, "its pages are there");
	ok(ftruncate(fd, FILE_SIZE) == 0, "it is cut short");
	is(memory_populate(m, true, false, &w), "no room for its file, or that was cut short, after 0 of 8 MiB", "no signal, but an error");
	ok(memory_take(m, m->base, FILE_SIZE) == 0 && memory_take(m, m->base + FILE_SIZE, PAGE) == EFAULT, "which has its place");
	m->page = 1 << 20;
	is(memory_populate(m, true, false, &w), "no huge page is left after 0 of 8 MiB", "the same of huge pages");
	munmap(m->base, SIZE);
	close(fd);
}

static void
test_asked(void)
{
	int old = dup(2), file = memory_file();
	char said[64] = "";

	make(-1);
	memory_populate(&vm.mem, false, false, &w); /* from now on it may be asked */
	dup2(file, 2);
	raise(SIGUSR1);
	memory_populate(&vm.mem, false, false, &w);
	dup2(old, 2);
	ok(pread(file, said, sizeof(said) - 1, 0) > 0, "said something");
	is(said, "kvm-run: memory (100.00/100%)\n", "how far it is");
	munmap(vm.mem.base, SIZE);
	close(file);
	close(old);
}

static void
touch(void *at)
{
	*(volatile uint8_t *)at = 5;
}

/* By a device's thread, which is sealed and hears no other signals. */
static void
test_fault_of_thread(void)
{
	static struct iothread io;
	int fd = memory_file();

	make(fd);
	memory_fault_watch(&vm);
	if (iothread_start(&io, "io") < 0 || ftruncate(fd, FILE_SIZE))
		die_sys("iothread");
	iothread_call(&io, touch, vm.mem.base + FILE_SIZE);
	ok(vm.end == VM_HOST_ERROR && vm.mem.base[FILE_SIZE] == 5, "a device's thread goes on too");
	iothread_stop(&io);
	munmap(vm.mem.base, SIZE);
	close(fd);
}

/* Accesses that others do at any time. */
static void
test_fault(void)
{
	const volatile uint8_t *base;
	int fd = memory_file(), status = 0;

	make(fd);
	base = vm.mem.base;
	vm.mem.base[FILE_SIZE + 1] = 7;
	memory_fault_watch(&vm);
	ok(ftruncate(fd, FILE_SIZE) == 0 && base[FILE_SIZE - 1] == 0 && vm.end == VM_RUNNING, "what is there is no fault");
	ok(base[FILE_SIZE + 1] == 0 && vm.end == VM_HOST_ERROR, "what is not there ends the guest, and the thread goes on");
	vm.mem.base[FILE_SIZE + PAGE] = 1;
	ok(base[FILE_SIZE + PAGE] == 1, "at each page");
	is(memory_fault_reason(&vm), "the file of the guest's memory was cut short, or has no room", "it says why");
	vm.mem.page = 2 << 20;
	is(memory_fault_reason(&vm), "the host has no huge page left for the guest's memory", "of huge pages too");
	vm.mem.fd = -1;
	vm.mem.page = PAGE;
	is(memory_fault_reason(&vm), "Bad address", "and where nothing is known");
	fflush(stdout);
	if (!fork()) {
		const volatile uint8_t *other = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

		_exit(other[SIZE - 1]);
	}
	wait(&status);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "other memory's faults are fatal, as ever");
	munmap(vm.mem.base, SIZE);
	close(fd);
}

/* A page-aligned file's bytes at 1 MiB, with a part of a page. */
static void
load(int fd)
{
	ok(!mem_load(&vm.mem, 1 << 20, fd, 0, PAGE + 10) && vm.mem.base[1 << 20] == 'f' && vm.mem.base[(1 << 20) + PAGE + 9] == 'f' &&
	    !vm.mem.base[(1 << 20) + PAGE + 10], "a file loaded");
}

static void
test_advice(void)
{
	static uint8_t bytes[2 * PAGE];
	int fd = memory_file();

	memset(bytes, 'f', sizeof(bytes));
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		die_sys("write");
	make(-1);
	vm.mem.merge = true;
	vm.mem.advice = MADV_NOHUGEPAGE;
	load(fd);
	ok(merged == 1 && advised == 1 && vm.mem.nfiles == 1, "a file that is mapped is advised of too");
	ok(!mem_clear(&vm.mem) && merged == 2 && advised == 2 && !vm.mem.base[1 << 20], "and cleared memory");
	ok(!mem_load(&vm.mem, 2 << 20, fd, 0, 2 << 20) && vm.mem.base[2 << 20] == 'f', "a larger one");
	ok(mem_discard(&vm.mem, vm.mem.base, SIZE) == SIZE && !vm.mem.base[2 << 20], "dropped");
	ok(merged == 4 && advised == 4, "and what takes the place of a file's pages that are dropped");
	munmap(vm.mem.base, SIZE);

	make(-1);
	vm.mem.copy = true;
	load(fd);
	ok(!vm.mem.nfiles, "a file that is copied");
	ok(!mem_clear(&vm.mem) && !vm.mem.base[1 << 20] && !vm.mem.base[(1 << 20) + PAGE], "cleared");
	vm.mem.base[PAGE] = 1;
	vm.mem.keep = true;
	vm.mem.copy = false;
	load(fd);
	ok(!mem_discard(&vm.mem, vm.mem.base, SIZE) && vm.mem.base[PAGE] && !vm.mem.nfiles, "memory that is kept is not given back, or mapped over");
	munmap(vm.mem.base, SIZE);
	close(fd);
}

static void
test_host(void)
{
	is(memory_host_room(1 << 20, HOST_ANY_NODE, &w), NULL, "there is a MiB");
	ok(memory_host_room(1ULL << 60, HOST_ANY_NODE, &w) && !strncmp(w.text, "1099511627776 MiB are needed, and the host has ", 47), "%s",
	    w.text);
	is(memory_host_room(1ULL << 60, 4000, &w), NULL, "nothing is known of this node");
	is(memory_host_huge(8 << 20, 8 << 20, HOST_ANY_NODE, &w), "the host has no huge pages of 8 MiB", "no such pages");
	is(memory_host_huge(2 << 20, 2 << 20, 4000, &w), "the host's node 4000 has no huge pages of 2 MiB", "no such node");
	ok(memory_host_huge(2 << 20, 1ULL << 60, HOST_ANY_NODE, &w) &&
	    !strncmp(w.text, "549755813888 huge pages of 2 MiB are needed, and the host has ", 62), "%s", w.text);
}

int
main(void)
{
	diag_init("memory", 1);
	test_take("this kernel");
	old_kernel = true;
	test_take("an old kernel");
	test_asked();
	test_fault();
	test_fault_of_thread();
	test_advice();
	test_host();
	return tap_done();
}
