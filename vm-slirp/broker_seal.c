/* SPDX-License-Identifier: ISC */
/* The broker's list of system calls; the contract is in broker.h. */
#include <stddef.h>

#include "common/seal.h"
#include "vm-slirp/broker.h"

void
broker_seal(void)
{
	static const char *const calls[] = {
	    /* the loop, its signals, the channels, lines of the control socket */
	    "epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_create", "timerfd_settime", "clock_gettime", "poll", "ppoll", "read",
	    "readv", "write", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg", "accept4", "close", "fcntl", "ioctl",
	    /* ports that are opened and closed, what a guest's forward leads to */
	    "socket", "bind", "listen", "connect", "getsockname", "getsockopt", "setsockopt", "fchmod", "unlink", "clock_nanosleep",
	    /* resolv.conf, and who replaces it */
	    "openat", "lseek", "ftruncate", "fstat", "newfstatat", "readlink", "readlinkat", "inotify_init1", "inotify_add_watch",
	    /* the stack's end */
	    "kill", "wait4",
	    /* memory, messages, the end */
	    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "getrandom", "getpid", "gettid", "tgkill",
	    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL};

	seal_syscalls(calls);
}
