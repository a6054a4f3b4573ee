/* SPDX-License-Identifier: ISC */
/* Raw terminals; the contracts are in tty.h. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "kvm-run/tty.h"

#define TTYS_MAX 8

/* The one state outside struct vm: a signal handler and an exit handler are given no argument. */
static struct tty {
	volatile sig_atomic_t state; /* written last when filled in: a handler may look at any time */
	int fd, wake;
	struct termios saved;
} ttys[TTYS_MAX];

enum { FREE, KNOWN, RAW };

static pid_t group; /* ours; asking for it is a system call that not every thread may use */

/* tcgetpgrp fails for a terminal that is not our controlling one: nobody stops us from using that. */
static bool
foreground(int fd)
{
	pid_t fg = tcgetpgrp(fd);

	return fg < 0 || fg == group;
}

void
tty_restore(void)
{
	for (struct tty *t = ttys; t < ttys + TTYS_MAX; t++) {
		if (t->state != RAW)
			continue;
		t->state = KNOWN;
		if (foreground(t->fd)) /* else it is as the shell wants it, and we would be stopped */
			tcsetattr(t->fd, TCSANOW, &t->saved);
	}
}

/* SA_RESETHAND has put the default action back, so the second delivery ends the process as the first would have. */
static void
on_fatal(int sig)
{
	tty_restore();
	raise(sig);
}

static void
on_stop(int sig)
{
	int err = errno;

	(void)sig;
	tty_restore();
	kill(getpid(), SIGSTOP);
	errno = err;
}

static void
on_change(int sig)
{
	const uint64_t one = 1;
	int err = errno;

	(void)sig;
	for (struct tty *t = ttys; t < ttys + TTYS_MAX; t++)
		if (t->state != FREE && write(t->wake, &one, sizeof(one)) < 0) {
			/* only when 2^64 wakeups are pending */
		}
	errno = err;
}

static void
handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags}, old;

	/* What the parent set to be ignored (nohup) stays ignored. */
	if (!sigaction(sig, NULL, &old) && old.sa_handler == SIG_DFL)
		sigaction(sig, &sa, NULL);
}

static void
install(void)
{
	static const int fatal[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGQUIT, SIGSEGV, SIGSYS, SIGTERM,
	    SIGTRAP, SIGUSR2, SIGXCPU, SIGXFSZ};
	static bool done;

	if (done)
		return;
	done = true;
	atexit(tty_restore);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		handle(fatal[i], on_fatal, SA_RESETHAND | SA_NODEFER);
	handle(SIGTSTP, on_stop, SA_RESTART);
	handle(SIGCONT, on_change, SA_RESTART);
	handle(SIGWINCH, on_change, SA_RESTART);
}

static struct tty *
find(int fd)
{
	struct tty *spare = NULL;

	for (struct tty *t = ttys; t < ttys + TTYS_MAX; t++) {
		if (t->state != FREE && t->fd == fd)
			return t;
		if (t->state == FREE && !spare)
			spare = t;
	}
	return spare;
}

bool
tty_raw(int fd, int wake)
{
	struct tty *t = find(fd);
	struct termios raw;

	if (!t)
		return true; /* more terminals than anybody has: used as they are */
	install();
	if (t->state == FREE) {
		t->fd = fd;
		t->wake = wake;
		t->state = KNOWN;
	}
	group = getpgrp();
	if (!foreground(fd)) {
		t->state = KNOWN;
		return false;
	}
	if (t->state == RAW || tcgetattr(fd, &t->saved) < 0)
		return true;
	raw = t->saved;
	cfmakeraw(&raw);
	/* read(2) never waits, even when somebody else took what poll(2) promised. */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	t->state = RAW; /* first: a signal between the two restores what was not changed yet, which is harmless */
	tcsetattr(fd, TCSANOW, &raw);
	return true;
}

void
tty_forget(int fd)
{
	struct tty *t = find(fd);

	if (!t || t->state == FREE)
		return;
	if (t->state == RAW && foreground(fd))
		tcsetattr(fd, TCSANOW, &t->saved);
	t->state = FREE;
}
