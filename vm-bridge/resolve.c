/* SPDX-License-Identifier: ISC */
/*
 * Names of hosts, by getent(1): a statically linked program cannot load the modules that nsswitch.conf names, and the few
 * that ask for a name at all can wait for another process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-bridge/resolve.h"

static _Noreturn void
run_getent(const char *name, int out)
{
	char *argv[] = {(char[]){"getent"}, (char[]){"ahosts"}, (char[]){"--"}, (char *)(uintptr_t)name, NULL};

	if (dup2(out, 1) >= 0)
		execvp(argv[0], argv);
	error("%s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* Its first line begins with an address. */
static bool
parse(char *line, union address *a)
{
	line[strcspn(line, " \t\n")] = '\0';
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = strchr(line, ':') ? AF_INET6 : AF_INET;
	return inet_pton(a->sa.sa_family, line, a->sa.sa_family == AF_INET6 ? (void *)&a->in6.sin6_addr : &a->in.sin_addr) == 1;
}

bool
resolve(const char *name, union address *a)
{
	char line[4096];
	ssize_t len;
	int out[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		die_sys("pipe");
	pid = fork();
	if (pid < 0)
		die_sys("fork");
	if (!pid)
		run_getent(name, out[1]);
	close(out[1]);
	len = fd_read_all(out[0], line, sizeof(line) - 1);
	close(out[0]);
	waitpid(pid, NULL, 0);
	if (len <= 0)
		return false;
	line[len] = '\0';
	return parse(line, a);
}
