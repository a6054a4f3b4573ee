/* SPDX-License-Identifier: ISC */
/*
 * An epoll loop for one thread. Watches are structs of their owner; the loop holds no memory of its own. Handlers run on
 * the thread that calls loop_run or loop_once, and must not call either. A handler may add, change or delete any watch,
 * its own included. Level-triggered, unless EPOLLET is asked for: what a handler leaves unread is reported again.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 64 /* events taken from the kernel at once */

struct watch {
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT... as last set; 0 = not in the loop */
	void (*handler)(struct watch *w, uint32_t events);
	struct loop *loop;
};

struct loop {
	int epfd;
	bool stop;
	struct watch *current[LOOP_BATCH]; /* events of this round not yet handled; NULL when deleted meanwhile */
	int ncurrent;
	struct watch *soon; /* of loop_soon, or NULL */
};

/* 0 or -errno. */
int loop_init(struct loop *l);
void loop_done(struct loop *l);

/* Adds, changes (same watch again) or, with events 0, takes out; do so before closing the fd, which stays its owner's.
 * EPOLLERR and EPOLLHUP are always reported. A regular file gives -EPERM. 0 or -errno. */
int loop_watch(struct loop *l, struct watch *w, uint32_t events);
void loop_unwatch(struct watch *w); /* of a watch that is in no loop: nothing */

/* Has the handler called once, with no events and whatever the watch waits for: before all others when the loop wakes next, and a
 * millisecond from now at the latest. One watch of a loop at a time. */
void loop_soon(struct loop *l, struct watch *w);

/* Waits at most timeout ms (-1: without end) and runs the handlers of what is ready. 0, or -errno (never EINTR). */
int loop_once(struct loop *l, int timeout);

/* loop_once until loop_stop is called by a handler (0), or until waiting fails (-errno). */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
