/* SPDX-License-Identifier: ISC */
/* An epoll loop; the contracts are in loop.h. */
#include <errno.h>
#include <unistd.h>

#include "common/loop.h"

int
loop_init(struct loop *l)
{
	*l = (struct loop){.epfd = epoll_create1(EPOLL_CLOEXEC)};
	return l->epfd < 0 ? -errno : 0;
}

void
loop_done(struct loop *l)
{
	close(l->epfd);
	l->epfd = -1;
}

/* An event that the kernel has reported already must not reach a watch deleted since: its owner may have freed it. */
static void
forget(struct loop *l, const struct watch *w)
{
	for (int i = 0; i < l->ncurrent; i++)
		if (l->current[i] == w)
			l->current[i] = NULL;
}

int
loop_watch(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (!events) {
		loop_unwatch(w);
		return 0;
	}
	if (w->events == events)
		return 0;
	if (epoll_ctl(l->epfd, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return -errno;
	w->events = events;
	w->loop = l;
	return 0;
}

void
loop_unwatch(struct watch *w)
{
	if (!w->events)
		return;
	epoll_ctl(w->loop->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	forget(w->loop, w);
	w->events = 0;
}

void
loop_soon(struct loop *l, struct watch *w)
{
	l->soon = w;
}

int
loop_once(struct loop *l, int timeout)
{
	struct watch *soon = l->soon;
	struct epoll_event ev[LOOP_BATCH];
	int n = epoll_wait(l->epfd, ev, LOOP_BATCH, soon && timeout ? 1 : timeout);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		l->current[i] = ev[i].data.ptr;
	l->ncurrent = n;
	l->soon = NULL;
	if (soon)
		soon->handler(soon, 0);
	for (int i = 0; i < n; i++) {
		struct watch *w = l->current[i];
		/* An earlier handler of this round may have narrowed what this watch wants to hear. */
		uint32_t events = w ? ev[i].events & (w->events | EPOLLERR | EPOLLHUP) : 0;

		l->current[i] = NULL;
		if (events)
			w->handler(w, events);
	}
	l->ncurrent = 0;
	return 0;
}

int
loop_run(struct loop *l)
{
	int err = 0;

	while (!l->stop && !err)
		err = loop_once(l, -1);
	return err;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}
