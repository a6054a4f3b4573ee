/* SPDX-License-Identifier: ISC */
/* Processes that take back; the contracts are in keeper.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/seal.h"
#include "common/wire.h"

#define KEEP_MAX 64

static int ready_fd = -1;

/* The caller may have been killed: then there is all the more to be taken back. */
static void
tell(int err)
{
	if (fd_write_all(ready_fd, &err, sizeof(err)) < 0 && errno != EPIPE)
		error("that it is there: %s", strerror(errno));
	close(ready_fd);
}

void
keeper_ready(void)
{
	tell(0);
}

void
keeper_needless(void)
{
	tell(-ENOENT);
	exit(0);
}

/* The program may be ended with all of its terminal or of its service: what ends it so must not end us before our work. */
static void
turn_deaf(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* But for the one that tells that it lives. */
static void
close_others(const int *keep, size_t n)
{
	int all[KEEP_MAX + 1] = { ready_fd };

	if (n)
		memcpy(all + 1, keep, n * sizeof(*keep));
	fd_close_others(all, n + 1);
}

static _Noreturn void
live(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg)
{
	setsid();
	turn_deaf();
	fd_leave_stdio();
	close_others(keep, n);
	if (chdir("/") < 0)
		die_sys("/");
	prctl(PR_SET_NAME, title);
	if (cap != KEEPER_ALL_RIGHTS)
		seal_privileges_but(cap);
	exit(run(arg));
}

int
keeper_start(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg)
{
	int status, ready[2];
	int err = 0;
	pid_t pid;

	if (n > KEEP_MAX)
		return -EINVAL;
	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		ready_fd = ready[1];
		pid = fork();
		if (!pid)
			live(title, cap, keep, n, run, arg);
		_exit(pid < 0 ? errno : 0);
	}
	close(ready[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	if (pid > 0)
		switch (fd_read_all(ready[0], &err, sizeof(err))) {
		case sizeof(err): break;
		case -1: err = -errno; break;
		default: err = -ECANCELED;
		}
	close(ready[0]);
	if (pid < 0)
		return -errno;
	if (!WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) : err;
}
