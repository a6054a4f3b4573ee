/* SPDX-License-Identifier: ISC */
/* The process that deletes a macvtap; the contract is in watch.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-tap/rights.h"
#include "vm-tap/watch.h"

/* stdin and stdout are the program's; stderr stays for what may go wrong. What ends the guest must not end this one first. */
static void
settle_down(const int *keep, size_t n)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || chdir("/") < 0)
		die_sys("/dev/null");
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	fd_close_others(keep, n);
	rights_keep_network();
}

static _Noreturn void
wait_and_delete(struct netlink *nl, const struct tap *t, int pipe)
{
	const int keep[] = {nl->fd, pipe};
	struct link l = {.index = t->index};
	char byte;
	int err;

	strcpy(l.name, t->name);
	settle_down(keep, 2);
	while (read(pipe, &byte, 1) < 0 && errno == EINTR)
		;
	err = link_delete(nl, &l);
	if (err && err != -ENODEV)
		error("%s", nl->why);
	_exit(!!err);
}

void
watch(struct netlink *nl, const struct tap *t, const int pipe[2])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid = fork();
		if (!pid)
			wait_and_delete(nl, t, pipe[0]);
		_exit(pid < 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		die("%s: nobody to delete it later", t->name);
}
