/* SPDX-License-Identifier: ISC */
/* Listening sockets; the contracts are in listener.h. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/listener.h"
#include "common/util.h"

static void
pause_over(struct timer *t)
{
	struct listener *l = container_of(t, struct listener, again);

	if (!l->shut)
		listener_open(l);
}

int
listener_start(struct listener *l, struct loop *loop, int fd, void (*handler)(struct watch *w, uint32_t events))
{
	int err;

	*l = (struct listener){.watch = {.fd = fd, .handler = handler}};
	err = timer_init(&l->again, loop, pause_over);
	if (err)
		return err;
	err = loop_watch(loop, &l->watch, EPOLLIN);
	if (err)
		timer_done(&l->again);
	return err;
}

void
listener_stop(struct listener *l)
{
	timer_done(&l->again);
	loop_unwatch(&l->watch);
	close(l->watch.fd);
}

int
listener_accept(struct listener *l, int flags)
{
	int fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC | flags);

	/* Who is gone already, or was taken by another process, is no reason; anything else stays as it is for a while. */
	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		listener_pause(l);
	return fd;
}

void
listener_pause(struct listener *l)
{
	loop_unwatch(&l->watch);
	timer_set(&l->again, timer_now() + LISTENER_PAUSE);
}

void
listener_shut(struct listener *l)
{
	l->shut = true;
	loop_unwatch(&l->watch);
}

/* Within a pause this is early: then accept(2) says so again. */
void
listener_open(struct listener *l)
{
	l->shut = false;
	if (loop_watch(l->again.watch.loop, &l->watch, EPOLLIN) < 0)
		listener_pause(l);
}
