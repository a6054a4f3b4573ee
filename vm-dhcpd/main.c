/* SPDX-License-Identifier: ISC */
/* vm-dhcpd: addresses for the guests of one bridge, and what else they ask for when they come up. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/ready.h"
#include "common/seal.h"
#include "common/util.h"
#include "vm-dhcpd/query.h"
#include "vm-dhcpd/service.h"

static const struct service *const services[] = {
    &dhcp4_service,
    &ra_service,
    &dhcp6_service,
    &tftp_service,
};

static void
told_to_end(struct watch *w, uint32_t events)
{
	(void)events;
	loop_stop(w->loop);
}

/* TERM and INT end the loop. A reader of our events that went away is no reason to end. */
static void
watch_signals(struct loop *l)
{
	static struct watch w = {.handler = told_to_end};
	sigset_t set;
	int err;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	err = w.fd < 0 ? -errno : loop_watch(l, &w, EPOLLIN);
	if (err)
		die("signals: %s", strerror(-err));
}

/* Root is not needed any more. */
static void
seal(const struct options *o)
{
	static const char *const calls[] = {
	    /* the loop and its timers */
	    "epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime", "clock_gettime", "poll", "ppoll",
	    /* packets */
	    "read", "readv", "write", "writev", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg",
	    "getsockname", "getsockopt",
	    /* TFTP's files, resolv.conf, the MTU */
	    "openat", "openat2", "ioctl",
	    /* leases */
	    "pread64", "pwrite64", "fdatasync", "fsync", "ftruncate", "lseek", "fstat", "newfstatat",
	    /* memory, the end */
	    "close", "brk", "mmap", "munmap", "mremap", "madvise", "futex", "getrandom", "getpid", "gettid", "tgkill",
	    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL};

	if (o->user)
		seal_user(o->user);
	else
		seal_nobody();
	seal_privileges();
	seal_syscalls(calls);
}

static int
print_all(struct dhcpd *d)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (services[i]->print)
			services[i]->print(d);
	flush_stdout();
	return 0;
}

static int
serve(const struct options *o)
{
	static struct dhcpd d;
	const char *why;
	int err;

	d.options = o;
	err = loop_init(&d.loop);
	if (err)
		die("epoll: %s", strerror(-err));
	why = o->bridge ? iface_read(&d.iface, o->bridge) : NULL;
	if (why)
		die("%s: %s", o->bridge, why);
	nameservers_read(&d.nameservers);
	if (o->check)
		return print_all(&d);
	watch_signals(&d.loop);
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (services[i]->open)
			services[i]->open(&d);
	ready_prepare();
	seal(o);
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (services[i]->start)
			services[i]->start(&d);
	ready_announce(o->ready_fd);
	err = loop_run(&d.loop);
	if (err)
		die("epoll: %s", strerror(-err));
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (services[i]->stop)
			services[i]->stop(&d);
	return d.failed;
}

int
main(int argc, char **argv)
{
	static struct options o;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	switch (o.mode) {
	case MODE_LIST: return query_list(&o);
	case MODE_WAIT: return query_wait(&o);
	case MODE_SERVE: break;
	}
	return serve(&o);
}
