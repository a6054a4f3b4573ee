/* pkg: libseccomp */
/* SPDX-License-Identifier: ISC */
/* Giving up rights: each in a child of its own, since there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/seal.h"
#include "tests/unit/tap.h"

/* The wait status of a child that runs f. */
static int
in_child(void (*f)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		f();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Whether a line of /proc/self/status is there. */
static bool
status_has(const char *line)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, line);
}

static void
privileges(void)
{
	struct rlimit core;

	seal_privileges();
	getrlimit(RLIMIT_CORE, &core);
	_exit(!(status_has("NoNewPrivs:\t1\n") && status_has("CapEff:\t0000000000000000\n") &&
		status_has("CapPrm:\t0000000000000000\n") && status_has("CapAmb:\t0000000000000000\n") && !core.rlim_max &&
		(getuid() || status_has("CapBnd:\t0000000000000000\n"))));
}

static const char *const calls[] = {"exit_group", "write", "no_such_call", "getpid", "gettid", "tgkill", NULL};

static void
allowed(void)
{
	seal_syscalls(calls);
	if (write(-1, "", 0) == -1)
		syscall(SYS_exit_group, 7);
}

#if !defined(__SANITIZE_ADDRESS__)
static void
taken_back(void)
{
	static const char *const opens[] = {"openat", "no_such_call", NULL};
	int fd = open("/dev/null", O_RDONLY);

	seal_syscalls_less(opens);
	_exit(fd < 0 || open("/dev/null", O_RDONLY) >= 0 || errno != EPERM || write(fd, "", 0) != -1 || errno != EBADF);
}

static void
reading(void)
{
	seal_read_only();
	_exit(open("/dev/zero", O_RDONLY | O_CLOEXEC) < 0);
}

static void
writing(void)
{
	seal_read_only();
	open("/dev/null", O_WRONLY);
}

static void
reading_and_writing(void)
{
	seal_read_only();
	open("/dev/null", O_RDWR);
}

static void
making(void)
{
	seal_read_only();
	open("/dev/null/there", O_RDONLY | O_CREAT, 0600);
}

static void
emptying(void)
{
	seal_read_only();
	open("/dev/null/there", O_RDONLY | O_TRUNC);
}

static bool
killed(void (*f)(void))
{
	int status = in_child(f);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void
forbidden(void)
{
	seal_syscalls(calls);
	syscall(SYS_getppid);
}

static void
own(void)
{
	seal_syscalls(calls);
	if (syscall(SYS_tgkill, getpid(), gettid(), 0) == 0)
		syscall(SYS_exit_group, 7);
}

/* With what the kernel does not look at above it. */
static void
another(void)
{
	pid_t parent = getppid();

	seal_syscalls(calls);
	syscall(SYS_tgkill, 1UL << 32 | (unsigned long)parent, parent, 0);
}
#endif

static void
stranger(void)
{
	seal_user("no-such-user-here");
}

static void
myself(void)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", getuid());
	seal_user(uid);
}

static void
nobody(void)
{
	seal_user("nobody");
	_exit(setuid(0) == 0 || setgid(0) == 0 || getuid() != 65534);
}

int
main(void)
{
	int status;

	diag_init("seal", 9);
	ok(in_child(privileges) == 0, "no capabilities of any kind, no new privileges, no core files");
	status = in_child(allowed);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "what is on the list works; unknown names are passed over");
#if !defined(__SANITIZE_ADDRESS__)
	status = in_child(forbidden);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "what is not ends the process");
	status = in_child(own);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a signal to a thread of one's own");
	status = in_child(another);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "but to no other process");
	ok(in_child(taken_back) == 0, "what is taken back fails, and nothing else does");
	ok(in_child(reading) == 0, "a file is opened for reading");
	ok(killed(writing) && killed(reading_and_writing), "for writing it is the end");
	ok(killed(making) && killed(emptying), "so it is for making, and emptying, one");
#endif
	status = in_child(stranger);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 9, "nobody of that name");
	ok(in_child(myself) == 0, "who we are already");
	if (getuid() == 0)
		ok(in_child(nobody) == 0, "another user, and no way back");
	return tap_done();
}
