/* SPDX-License-Identifier: ISC */
/* The clerk's process, from its fork to its end; the contract is in clerk.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/seal.h"
#include "vm-vnc/clerk.h"
#include "vm-vnc/peer.h"

#define CALL_SECONDS 10

static void
tell(const struct clerk_task *task, struct clerk_report *r, int fd)
{
	fd_send(task->report, r, sizeof(*r), &fd, fd >= 0);
}

static _Noreturn void
give_up(const struct clerk_task *task, struct clerk_report *r, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	tell(task, r, -1);
	_exit(0);
}

/* What the hub has open is not for us: the machine, its other sockets. And it does not outlive the hub. */
static void
settle(const struct policy *f, const struct clerk_task *task)
{
	const int keep[] = {task->fd, task->report, f->folder_fd};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &(sigset_t){{0}}, NULL);
	fd_close_others(keep, 3);
	seal_privileges();
	alarm(CLERK_SECONDS);
}

static int
call(const struct clerk_task *task, struct clerk_report *r)
{
	int fd;

	address_format(&task->call, r->guest.address, sizeof(r->guest.address));
	fd = socket(task->call.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	alarm(CALL_SECONDS);
	if (fd < 0 || connect(fd, &task->call.sa, address_len(&task->call)) < 0)
		give_up(task, r, strerror(errno));
	alarm(CLERK_SECONDS);
	return fd;
}

static pid_t
open_gate(struct policy *f, const struct gate *g, int clerks, int hubs)
{
	pid_t pid = fork();

	if (!pid) {
		close(clerks);
		close(hubs);
		gate_run(f, g);
	}
	return pid;
}

/* Until the gate has told the viewer, and his next word is for somebody else. */
static void
see_in(int sock, pid_t gate, bool pumped)
{
	char nothing;

	while (recv(sock, &nothing, 1, 0) < 0 && errno == EINTR)
		;
	while (!pumped && waitpid(gate, NULL, 0) < 0 && errno == EINTR)
		;
}

void
clerk_run(struct policy *f, const struct clerk_task *task)
{
	static struct clerk c;
	struct clerk_report *r = &c.report;
	struct gate g = {.fd = task->fd, .kind = task->kind};
	int asked[2], rfb[2];
	pid_t gate;

	settle(f, task);
	if (g.fd < 0)
		g.fd = call(task, r);
	c.f = f;
	c.from = peer_of(g.fd, r->guest.address);
	g.local = peer_is_local(&c.from);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, asked) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rfb) < 0)
		give_up(task, r, strerror(errno));
	c.sock = asked[0];
	g.clerk = asked[1];
	g.rfb = rfb[1];
	gate = open_gate(f, &g, asked[0], rfb[0]);
	if (gate < 0)
		give_up(task, r, strerror(errno));
	close(asked[1]);
	close(rfb[1]);
	if (clerk_serve(&c)) {
		snprintf(r->guest.how, sizeof(r->guest.how), "%s", c.admitted.how);
		see_in(c.sock, gate, c.admitted.pumped);
		tell(task, r, c.admitted.pumped ? rfb[0] : g.fd);
	} else {
		tell(task, r, -1);
	}
	if (task->number >= 0)
		throttle_end(f->throttle, task->number);
	/* What was open and not handed on is closed; a gate that still stands falls with us, unless it pumps. */
	_exit(0);
}
