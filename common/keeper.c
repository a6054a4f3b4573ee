/* SPDX-License-Identifier: ISC */
/* Processes that take back; the contracts are in keeper.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/seal.h"
#include "common/wire.h"

/* The program may be ended with all of its terminal or of its service: what ends it so must not end us before our work. */
static void
turn_deaf(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

static _Noreturn void
live(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg)
{
	setsid();
	turn_deaf();
	fd_leave_stdio();
	fd_close_others(keep, n);
	if (chdir("/") < 0)
		die_sys("/");
	prctl(PR_SET_NAME, title);
	seal_privileges_but(cap);
	exit(run(arg));
}

int
keeper_start(const char *title, int cap, const int *keep, size_t n, int (*run)(void *arg), void *arg)
{
	int status, ready[2];
	char none;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid)
			live(title, cap, keep, n, run, arg);
		_exit(pid < 0 ? errno : 0);
	}
	close(ready[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	/* Until it has closed what is not its own, it would hold that up as long as it lives. */
	if (pid > 0)
		fd_read_all(ready[0], &none, 1);
	close(ready[0]);
	if (pid < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
