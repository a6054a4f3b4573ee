/* SPDX-License-Identifier: ISC */
/* Signals as events of the main loop; the contract is in signals.h. */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/socket_file.h"
#include "kvm-run/signals.h"
#include "kvm-run/stats.h"
#include "kvm-run/tty.h"
#include "kvm-run/vm.h"

struct signals {
	struct watch watch; /* first */
	struct vm *vm;
};

/* So that the parent sees what it was, as with any program that does not catch it. */
static void
die_of(const struct vm *vm, int sig)
{
	sigset_t set;

	tty_restore();
	if (vm->opt.ctl_path)
		socket_file_remove(vm->opt.ctl_path);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + sig);
}

static void
on_signal(struct watch *w, uint32_t events)
{
	struct signals *s = (struct signals *)w;
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		stats_report(s->vm);
		return;
	}
	if (s->vm->button_pressed)
		die_of(s->vm, (int)info.ssi_signo);
	s->vm->button_pressed = true;
	warn("pressed the guest's power button; the same again ends it at once");
	vm_power_button(s->vm);
}

/* What the parent had ignored stays so: HUP under nohup, INT in the background of a script. A signalfd would show it. */
static void
add_wanted(sigset_t *set, int sig)
{
	struct sigaction old;

	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

void
signals_watch(struct vm *vm)
{
	static struct signals s;
	sigset_t set;

	sigemptyset(&set);
	add_wanted(&set, SIGTERM);
	add_wanted(&set, SIGINT);
	add_wanted(&set, SIGHUP);
	add_wanted(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s.vm = vm;
	s.watch = (struct watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .handler = on_signal};
	if (s.watch.fd < 0 || loop_watch(&vm->loop, &s.watch, EPOLLIN) < 0)
		die_sys("signals");
}
