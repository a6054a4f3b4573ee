/* SPDX-License-Identifier: ISC */
/* The system calls of kvm-run's threads after set-up. No list has open: what was not handed over cannot be reached. */
#include <stddef.h>

#include "common/seal.h"
#include "kvm-run/seal_threads.h"

/* libc's: memory, locks, time where the vDSO has none, the end of a thread and of the process, an abort. */
#define ANY_THREAD                                                                                                     \
	"brk", "mmap", "munmap", "mprotect", "madvise", "futex", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction",     \
	    "exit", "exit_group", "restart_syscall", "sched_yield", "gettid", "getpid", "tgkill", "clock_gettime",     \
	    "time", "gettimeofday", "clock_nanosleep", "rseq", "set_robust_list", "prctl"

/* Eventfds, diagnostics, KVM's and the tap's ioctls. */
#define EVENTS "read", "write", "writev", "ioctl", "poll", "ppoll", "close"

/* Disks, with what images need (tables that grow), cables and consoles. */
#define DATA                                                                                                           \
	"readv", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "fallocate", "fsync", "fdatasync", \
	    "lseek", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "shutdown", "epoll_wait",     \
	    "epoll_pwait", "epoll_ctl", "io_uring_enter", "getrandom", "fcntl", "ftruncate", "timerfd_settime",  \
	    "mremap"

/* Control clients, dumps, the terminal's job control, hot-plug (new threads, rings and queues), a reset's reading of the kernel,
 * dying of a signal; unlink is for -C's socket. */
#define MAIN                                                                                                           \
	"accept4", "clone", "clone3", "seccomp", "eventfd2", "epoll_create1", "timerfd_create", "io_uring_setup",      \
	    "io_uring_register", "fstat", "newfstatat", "statx", "getsockopt", "setsockopt", "getsockname",            \
	    "getpeername", "pipe2", "close_range", "wait4", "mincore", "sched_getaffinity", "kill", "signalfd4", "prlimit64", "getpgrp", "unlink"

void
seal_thread_vcpu(void)
{
	/* A vCPU waits for device threads, sets the clock's timer and may report, but it moves no data; an assigned device's
	 * registers are read and written at offsets of its file. */
	static const char *const calls[] = {ANY_THREAD, EVENTS, "timerfd_settime", "pread64", "pwrite64", NULL};

	seal_syscalls(calls);
}

void
seal_thread_io(void)
{
	static const char *const calls[] = {ANY_THREAD, EVENTS, DATA, NULL};

	seal_syscalls(calls);
}

void
seal_thread_main(void)
{
	static const char *const calls[] = {ANY_THREAD, EVENTS, DATA, MAIN, NULL};

	seal_syscalls(calls);
}
