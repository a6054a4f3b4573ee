/* SPDX-License-Identifier: ISC */
/*
 * The parent's list of system calls. What it starts has it too: so it has what clerks, screenshots, and the rooms of gates and
 * viewers take, who then have less. It is without programs to run, other processes' memory, mounts and name spaces.
 */
#include <stddef.h>

#include "common/seal.h"
#include "vm-vnc/hub_dev.h"

void
hub_seal(void)
{
	static const char *const calls[] = {
	    /* the loop, the machine, members, the control socket */
	    "epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_create", "timerfd_settime", "clock_gettime", "gettimeofday", "poll",
	    "ppoll", "read", "write", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg", "accept4", "close", "fcntl", "ioctl",
	    "fstat", "newfstatat",
	    /* doors that are opened and closed, viewers who are called */
	    "socket", "socketpair", "bind", "listen", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown",
	    "fchmod", "chmod", "unlink",
	    /* clerks: passwords, a browser's files, time that runs out */
	    "openat", "openat2", "lseek", "alarm", "setitimer", "clock_nanosleep",
	    /* processes, which give up the rest; screenshots, which get their name at the end */
	    "clone", "clone3", "set_robust_list", "wait4", "kill", "close_range", "dup2", "prctl", "prlimit64", "capget", "capset",
	    "setgroups", "setresgid", "setresuid", "geteuid", "seccomp", "uname", "memfd_create", "ftruncate",
	    "rename",
	    /* memory, messages, the end */
	    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "getrandom", "getpid", "gettid", "tgkill",
	    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL};

	seal_syscalls(calls);
}
