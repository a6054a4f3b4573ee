/* SPDX-License-Identifier: ISC */
/* Memory that is not there; the contracts are in memory_fault.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "kvm-run/memory_fault.h"
#include "kvm-run/vm.h"

/* A signal's handler has no other way to it. */
static struct vm *watched;

const char *
memory_fault_reason(const struct vm *vm)
{
	if (vm->mem.page > 4096)
		return "the host has no huge page left for the guest's memory";
	if (vm->mem.fd >= 0)
		return "the file of the guest's memory was cut short, or has no room";
	return strerror(EFAULT);
}

/*
 * The signal is this thread's own doing, at an access to the guest's memory: so it holds no lock of the C library, and may
 * print. Other memory is put there, and the thread goes on with that until the main thread has heard of the end.
 */
static void
on_bus_error(int sig, siginfo_t *info, void *context)
{
	const struct guest_mem *m = &watched->mem;
	uint64_t offset = (uint64_t)(uintptr_t)info->si_addr - (uintptr_t)m->base;
	int err = errno;

	(void)context;
	if (offset >= m->size + m->hot.size ||
	    mmap(m->base + align_down(offset, m->page), m->page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
		signal(sig, SIG_DFL); /* and the access comes again */
		return;
	}
	if (watched->end == VM_RUNNING)
		error("memory: %s", info->si_code == BUS_MCEERR_AR ? "a page of the host's is broken" : memory_fault_reason(watched));
	vm_end(watched, VM_HOST_ERROR);
	errno = err;
}

void
memory_fault_watch(struct vm *vm)
{
	struct sigaction sa = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	watched = vm;
	sigaction(SIGBUS, &sa, NULL);
}
