/* SPDX-License-Identifier: ISC */
/* The sealed process; the contracts are in serve.h. */
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/ready.h"
#include "common/seal.h"
#include "vm-bridge/serve.h"

static void
told_to_end(struct watch *w, uint32_t events)
{
	(void)events;
	loop_stop(w->loop);
}

static void
watch_signals(struct loop *l, struct watch *w, bool backend)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (!backend) {
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGHUP);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	*w = (struct watch){.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .handler = told_to_end};
	if (w->fd < 0 || loop_watch(l, w, EPOLLIN) < 0)
		die_sys("signalfd");
}

static void
allow(const char **all, const char *const *more)
{
	while (*all)
		all++;
	while ((*all++ = *more++))
		;
}

static void
seal(unsigned flags)
{
	static const char *const always[] = {
	    /* the loop and its timers */
	    "epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime", "clock_gettime",
	    /* cables */
	    "read", "write", "writev", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "accept4",
	    "getsockname", "getpeername", "getsockopt", "setsockopt", "fcntl", "ioctl", "close",
	    /* memory, messages, the end */
	    "brk", "mmap", "munmap", "mremap", "madvise", "futex", "getrandom", "getpid", "gettid", "tgkill", "rt_sigaction",
	    "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL};
	static const char *const dials[] = {"socket", "connect", NULL};
	static const char *const mute[] = {"dup2", NULL};
	static const char *const meets[] = {"flock", "poll", "ppoll", "newfstatat", "unlinkat", "unlink", NULL};
	const char *all[64] = {NULL};

	allow(all, always);
	if (flags & SERVE_DIALS)
		allow(all, dials);
	if (flags & SERVE_MEETS)
		allow(all, meets);
	if (flags & SERVE_MUTE)
		allow(all, mute);
	seal_privileges();
	seal_syscalls(all);
}

void
serve(struct loop *l, unsigned flags, int ready_fd)
{
	struct watch signals;

	watch_signals(l, &signals, flags & SERVE_BACKEND);
	if (!(flags & SERVE_BACKEND))
		ready_prepare();
	seal(flags);
	if (flags & SERVE_BACKEND)
		backend_ready();
	else
		ready_announce(ready_fd);
	if (flags & SERVE_MUTE)
		dup2(0, 2); /* a backend's input is /dev/null */
	if (loop_run(l) < 0)
		die_sys("epoll");
}
