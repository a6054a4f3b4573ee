/* SPDX-License-Identifier: ISC */
/* A loader's backend; the contracts are in backend.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/ready.h"
#include "common/socket_file.h"
#include "common/util.h"

#define KEEP_MAX 512

static int ready_fd = -1;
static bool in_backend;

void
backend_tell(int fd)
{
	if (fd < 0)
		return;
	if (fd_write_all(fd, "\n", 1) < 0) {
		if (errno == EPIPE)
			note(1, "nobody reads that it is ready");
		else
			error("that it is ready: %s", strerror(errno));
	}
	close(fd);
}

void
backend_ready(void)
{
	backend_tell(ready_fd);
	ready_fd = -1;
}

void
backend_announce(int fd)
{
	if (in_backend)
		backend_ready();
	else
		ready_announce(fd);
}

static int
take_signals(void)
{
	static const int of_terminal[] = {SIGINT, SIGHUP, SIGQUIT};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	if (!in_backend) {
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGHUP);
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(of_terminal); i++)
		signal(of_terminal[i], in_backend ? SIG_IGN : SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		die_sys("signalfd");
	return fd;
}

static void
signalled(struct watch *w, uint32_t events)
{
	struct backend_signals *s = container_of(w, struct backend_signals, watch);
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			loop_stop(w->loop);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		s->ended(s, pid, status);
}

void
backend_watch(struct backend_signals *s, struct loop *l, void (*ended)(struct backend_signals *s, pid_t pid, int status))
{
	*s = (struct backend_signals){.watch = {.fd = take_signals(), .handler = signalled}, .ended = ended};
	if (loop_watch(l, &s->watch, EPOLLIN) < 0)
		die_sys("epoll");
}

/* What is open besides was opened by the user's other loaders for the program. */
static void
close_others(const int *keep, size_t n)
{
	int all[KEEP_MAX + 1] = {ready_fd};

	if (n > KEEP_MAX)
		die("%zu descriptors to keep", n);
	for (size_t i = 0; i < n; i++)
		all[i + 1] = keep[i];
	fd_close_others(all, n + 1);
}

static void
await(int fd, pid_t child)
{
	int status;
	char newline;
	ssize_t n;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die_sys("the backend");
	if (status)
		die("the backend did not start: %s", strerror(WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD));
	n = fd_read_all(fd, &newline, 1);
	if (n < 0)
		die_sys("the backend");
	if (n != 1)
		exit(diag_exit);
	close(fd);
}

bool
backend_fork(const int *keep, size_t n)
{
	int pipe[2];
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		die_sys("pipe");
	pid = fork();
	if (pid < 0)
		die_sys("fork");
	if (pid) {
		close(pipe[1]);
		await(pipe[0], pid);
		return false;
	}
	pid = fork();
	if (pid)
		_exit(pid < 0 ? errno : 0);
	ready_fd = pipe[1];
	in_backend = true;
	socket_file_own(true);
	setsid();
	fd_leave_stdio();
	close_others(keep, n);
	return true;
}
