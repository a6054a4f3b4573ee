/* SPDX-License-Identifier: ISC */
/* Processes that wait for the end of others; the contract is in keeper.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/keeper.h"
#include "common/seal.h"
#include "common/wire.h"

struct hold {
	int pipe, cap;
	bool (*make)(void *arg);
	int (*undo)(void *arg);
	void *arg;
};

static const struct hold *unsealed; /* what it has made, as long as it may yet fail */

static void
give_up(void)
{
	if (unsealed)
		unsealed->undo(unsealed->arg);
}

static void
make_first(const struct hold *h)
{
	if (!h->make(h->arg))
		keeper_needless();
	unsealed = h;
	atexit(give_up);
}

static int
wait_for_end(void *arg)
{
	/* What waiting needs, netlink, malloc, a pause, and the settings of the kernel, one after the other. */
	static const char *const calls[] = { "openat", "read", "write", "close", "socket", "setsockopt", "getsockopt", "dup3", "flock",
		"sendto", "recvfrom", "brk", "mmap", "munmap", "mremap", "clock_nanosleep", "rt_sigreturn", "restart_syscall", "exit",
		"exit_group", NULL };
	struct hold *h = arg;
	char byte;

	if (h->make)
		make_first(h);
	seal_privileges_but(h->cap);
	seal_syscalls(calls);
	unsealed = NULL;
	keeper_ready();
	while (fd_read_all(h->pipe, &byte, 1) == 1)
		;
	return h->undo(h->arg);
}

int
keeper_hold(const char *title, int cap, const int *keep, size_t n, bool (*make)(void *arg), int (*undo)(void *arg), void *arg)
{
	int ends[2], all[2 * FD_PASS_MAX + 1], err;
	struct hold h = { .cap = cap, .make = make, .undo = undo, .arg = arg };
	size_t held;

	if (n > FD_PASS_MAX)
		return -EINVAL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	h.pipe = ends[0];
	for (size_t i = 0; i < n; i++)
		all[i] = keep[i];
	all[n++] = ends[0];
	held = wire_held(all + n, FD_PASS_MAX);
	err = keeper_start(title, KEEPER_ALL_RIGHTS, all, n + held, wait_for_end, &h);
	close(ends[0]);
	if (!err)
		return ends[1];
	close(ends[1]);
	return err;
}
