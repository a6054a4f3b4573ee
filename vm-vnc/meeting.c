/* SPDX-License-Identifier: ISC */
/* Meetings, the hub's side of them; the contracts are in meeting.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-vnc/clerk.h"
#include "vm-vnc/meeting.h"
#include "vm-vnc/peer.h"

void
meetings_init(struct meetings *ms, struct policy *policy, struct loop *loop, front_admitted *admitted, void *arg)
{
	*ms = (struct meetings){.policy = policy, .loop = loop, .admitted = admitted, .arg = arg};
	for (size_t i = 0; i < ARRAY_LEN(ms->list); i++) {
		ms->list[i].watch.fd = -1;
		ms->list[i].all = ms;
	}
}

static void
forget(struct meeting *m)
{
	loop_unwatch(&m->watch);
	close(m->watch.fd);
	m->watch.fd = -1;
}

/* Once: a guest, with his descriptor; or why there is none, which only -v tells, since anybody can cause it. */
static void
reported(struct watch *w, uint32_t events)
{
	struct meeting *m = container_of(w, struct meeting, watch);
	struct clerk_report r;
	size_t n = 1;
	int fd = -1;
	ssize_t len = fd_recv(w->fd, &r, sizeof(r), &fd, &n);

	(void)events;
	forget(m);
	if (len != sizeof(r)) {
		if (len > 0 && n)
			close(fd);
		note(1, "somebody took too long to say who he is, or his process broke down");
	} else if (n) {
		r.guest.fd = fd;
		note(1, "%s: let in (%s)", r.guest.address, r.guest.how);
		m->all->admitted(m->all->arg, &r.guest);
	} else {
		note(1, "%s: not let in: %s", r.guest.address, r.why);
	}
}

static struct meeting *
free_place(struct meetings *ms)
{
	for (size_t i = 0; i < ARRAY_LEN(ms->list); i++)
		if (ms->list[i].watch.fd < 0)
			return &ms->list[i];
	return NULL;
}

/* Forks the clerk. */
static bool
begin(struct meetings *ms, const struct clerk_task *task)
{
	struct meeting *m = free_place(ms);
	int report[2];

	if (!m || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
		return false;
	m->clerk = fork();
	if (!m->clerk) {
		struct clerk_task own = *task;

		own.report = report[1];
		clerk_run(ms->policy, &own);
	}
	close(report[1]);
	m->watch.fd = report[0];
	m->watch.handler = reported;
	if (m->clerk < 0 || loop_watch(ms->loop, &m->watch, EPOLLIN) < 0) {
		if (m->clerk > 0)
			kill(m->clerk, SIGKILL);
		close(report[0]);
		m->watch.fd = -1;
		return false;
	}
	return true;
}

bool
meeting_begin(struct meetings *ms, int fd, enum gate_kind kind)
{
	char text[ADDRESS_TEXT_MAX];
	union address from = peer_of(fd, text);
	struct clerk_task task = {.fd = fd, .kind = kind, .number = policy_meet(ms->policy, &from)};
	bool begun = task.number >= 0 && begin(ms, &task);

	if (task.number < 0)
		note(1, "%s: not met: not on the list, too many at once, or wrong too often", text);
	else if (!begun)
		throttle_end(ms->policy->throttle, task.number);
	close(fd);
	return begun;
}

const char *
meeting_call(struct meetings *ms, const union address *a)
{
	struct clerk_task task = {.fd = -1, .call = *a, .kind = GATE_REVERSE, .number = -1};

	return begin(ms, &task) ? NULL : "too many meetings at once";
}

void
meetings_end(struct meetings *ms)
{
	for (size_t i = 0; i < ARRAY_LEN(ms->list); i++) {
		struct meeting *m = &ms->list[i];

		if (m->watch.fd < 0)
			continue;
		/* It cannot have been reaped for long: it reports at its end, which would have been seen. */
		kill(m->clerk, SIGTERM);
		forget(m);
	}
}

void
meetings_forked(struct meetings *ms)
{
	for (size_t i = 0; i < ARRAY_LEN(ms->list); i++)
		if (ms->list[i].watch.fd >= 0)
			close(ms->list[i].watch.fd);
}
