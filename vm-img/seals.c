/* SPDX-License-Identifier: ISC */
/*
 * vm-img's allow-lists of system calls. An image is laid out by whoever wrote it, from its first byte on, and what it says leads
 * to further files: so there is one list for as long as files are opened, and less once all of them are.
 */
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/seal.h"
#include "vm-img/seals.h"

/* libc's: memory, threads and their locks, time, what is printed, signals of one's own, the end. */
#define ANY                                                                                                                    \
	"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "clone", "clone3", "set_robust_list", "rseq",       \
	    "sched_yield", "sched_getaffinity", "sysinfo", "clock_gettime", "gettimeofday", "clock_nanosleep", "getpid",       \
	    "gettid", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group"

/* What is there is read: files, locked as QEMU does and looked for holes; ioctl is for a device's size and for terminals. */
#define READ "close", "read", "pread64", "write", "writev", "lseek", "fstat", "newfstatat", "statx", "fcntl", "ioctl", "getrandom"

/* Of use until all is open: for that, and for giving up rights and these calls themselves. */
#define OPEN "openat", "capget", "capset", "prctl", "prlimit64", "seccomp"

#define CHANGE "pwrite64", "pwritev", "fallocate", "ftruncate", "fdatasync", "fsync", "copy_file_range"

/* A new image gets its name when it is complete, and the mode and owner of what it replaces (output.h). */
#define MAKE                                                                                                                   \
	"access", "faccessat", "faccessat2", "readlinkat", "fstatfs", "linkat", "renameat", "unlink", "unlinkat", "fchmod",    \
	    "fchown"

/* Clients come, speak and go; the socket's file goes at the end. */
#define SERVE                                                                                                                  \
	"epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime", "accept4", "poll", "ppoll", "shutdown", "readv", "preadv", \
	    "sendto", "sendmsg", "recvfrom", "recvmsg", "unlink"

static struct {
	enum seals what;
	bool opening, working;
} seals;

void
seals_open(enum seals what)
{
	static const char *const reads[] = {ANY, READ, OPEN, NULL};
	static const char *const changes[] = {ANY, READ, CHANGE, OPEN, NULL};
	static const char *const makes[] = {ANY, READ, CHANGE, MAKE, OPEN, NULL};
	static const char *const serves[] = {ANY, READ, CHANGE, SERVE, OPEN, NULL};
	static const char *const *const lists[] = {
		[SEALS_READ] = reads, [SEALS_CHANGE] = changes, [SEALS_MAKE] = makes, [SEALS_SERVE] = serves,
	};

	if (seals.opening)
		return;
	seals.what = what;
	seals.opening = true;
	tzset(); /* it has a file, which later is not opened any more */
	seal_syscalls(lists[what]);
	if (what == SEALS_READ)
		seal_read_only();
}

void
seals_work(void)
{
	static const char *const before[] = {OPEN, NULL};

	if (!seals.opening || seals.working)
		return;
	seals.working = true;
	if (seals.what != SEALS_MAKE)
		seal_privileges();
	seal_syscalls_less(before);
}
