/* SPDX-License-Identifier: ISC */
/* The parent's loop; the contract is in hub.h. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-vnc/hub.h"
#include "vm-vnc/hub_dev.h"

static void
viewer_ended(struct backend_signals *s, pid_t pid, int status)
{
	(void)s;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM)
		error("process %d of a viewer died of signal %d (%s)", pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void
start(struct hub *h, int control)
{
	h->memfd = -1;
	h->state = (struct fb_state){.kind = FB_STATE, .absolute = 1};
	for (size_t i = 0; i < MEMBERS_MAX; i++)
		h->members[i].watch.fd = -1;
	if (loop_init(&h->loop) < 0 || timer_init(&h->typing, &h->loop, typist_fired) < 0)
		die_sys("epoll");
	backend_watch(&h->signals, &h->loop, viewer_ended);
	if (!fd_set_nonblock(h->machine.fd, true))
		die_sys("the machine's wire");
	machine_watch(h);
	if (control >= 0 && control_start(&h->control, &h->loop, control, hub_control, h) < 0)
		die_sys("epoll");
	if (front_start(&h->loop, members_admit, h) < 0)
		die_sys("epoll");
}

int
hub_run(const struct options *o, int machine, int control)
{
	static struct hub h;

	h = (struct hub){.o = o, .machine.fd = machine};
	start(&h, control);
	/* SASL's plug-ins, in the clerks, do what they like. */
	if (!front_has_plugins())
		hub_seal();
	backend_announce(o->ready_fd);
	if (loop_run(&h.loop) < 0)
		die_sys("epoll");
	front_stop();
	for (size_t i = 0; i < MEMBERS_MAX; i++)
		if (h.members[i].watch.fd >= 0)
			members_drop(&h.members[i]);
	return 0;
}
