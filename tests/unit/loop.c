/* SPDX-License-Identifier: ISC */
/* The event loop: who is called, and who is not called any more. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/loop.h"
#include "tests/unit/tap.h"

static struct loop loop;
static struct watch a, b;
static int calls_a, calls_b;
static uint32_t last;

static void
count_a(struct watch *w, uint32_t events)
{
	(void)w;
	last = events;
	calls_a++;
}

static void
count_b(struct watch *w, uint32_t events)
{
	(void)w, (void)events;
	calls_b++;
}

/* Whichever of the two comes first takes the other out. */
static void
delete_other(struct watch *w, uint32_t events)
{
	(void)events;
	*(w == &a ? &calls_a : &calls_b) += 1;
	loop_unwatch(w == &a ? &b : &a);
}

static void
readd_other(struct watch *w, uint32_t events)
{
	struct watch *other = w == &a ? &b : &a;

	(void)events;
	*(w == &a ? &calls_a : &calls_b) += 1;
	loop_unwatch(other);
	other->handler = count_b;
	loop_watch(&loop, other, EPOLLIN);
}

static void
soon_came_first(struct watch *w, uint32_t events)
{
	(void)w, (void)events;
	calls_a += calls_b == 2;
}

static void
take_out_a(struct watch *w, uint32_t events)
{
	(void)w, (void)events;
	loop_unwatch(&a);
}

static void
stop(struct watch *w, uint32_t events)
{
	(void)events;
	loop_stop(w->loop);
}

int
main(void)
{
	int p[2], q[2], file = open("/dev/null", O_RDONLY), regular = open("/proc/self/exe", O_RDONLY);

	(void)file;
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, q);
	ok(loop_init(&loop) == 0, "init");
	a = (struct watch){.fd = p[0], .handler = count_a};
	b = (struct watch){.fd = q[0], .handler = count_b};
	ok(loop_watch(&loop, &a, EPOLLIN) == 0 && loop_once(&loop, 0) == 0 && !calls_a, "nothing is ready");
	ok(write(p[1], "xx", 2) == 2 && loop_once(&loop, 0) == 0 && calls_a == 1 && last == EPOLLIN, "readable");
	ok(loop_once(&loop, 0) == 0 && calls_a == 2, "what is left unread is told again");
	ok(loop_watch(&loop, &a, EPOLLOUT) == 0 && loop_once(&loop, 0) == 0 && last == EPOLLOUT, "changed to writable");
	ok(loop_watch(&loop, &a, 0) == 0 && loop_once(&loop, 0) == 0 && calls_a == 3 && !a.events, "taken out");
	loop_unwatch(&a);
	ok(true, "taking out twice is nothing");

	ok(write(q[1], "x", 1) == 1, "both are ready");
	calls_a = calls_b = 0;
	a.handler = b.handler = delete_other;
	loop_watch(&loop, &a, EPOLLIN);
	loop_watch(&loop, &b, EPOLLIN);
	loop_once(&loop, 0);
	ok(calls_a + calls_b == 1, "a watch deleted in the round is not called");

	loop_unwatch(&a);
	loop_unwatch(&b);
	calls_a = calls_b = 0;
	a.handler = b.handler = readd_other;
	loop_watch(&loop, &a, EPOLLIN);
	loop_watch(&loop, &b, EPOLLIN);
	loop_once(&loop, 0);
	ok(calls_a + calls_b == 1, "nor is one that was added again: its event is of before");

	loop_unwatch(&a);
	loop_unwatch(&b);
	calls_a = calls_b = 0;
	a.handler = count_a;
	b.handler = count_b;
	loop_soon(&loop, &b);
	ok(loop_once(&loop, 10000) == 0 && calls_b == 1 && !calls_a, "what is wanted soon comes without an event");
	ok(loop_once(&loop, 0) == 0 && calls_b == 1, "once");
	a.handler = soon_came_first;
	loop_watch(&loop, &a, EPOLLIN);
	loop_soon(&loop, &b);
	ok(loop_once(&loop, 10000) == 0 && calls_a == 1 && calls_b == 2, "before any event's handler");
	b.handler = take_out_a;
	loop_soon(&loop, &b);
	ok(loop_once(&loop, 10000) == 0 && calls_a == 1 && !a.events, "which it may take out");

	loop_unwatch(&b);
	a.handler = stop;
	loop_watch(&loop, &a, EPOLLIN);
	ok(loop_run(&loop) == 0, "stop ends run");
	b = (struct watch){.fd = regular, .handler = count_b};
	ok(loop_watch(&loop, &b, EPOLLIN) == -EPERM && !b.events, "a regular file cannot be watched");
	close(p[1]);
	loop.stop = false;
	a.handler = count_a;
	loop_once(&loop, 0);
	ok(last & EPOLLHUP, "hang-up is told unasked");
	loop_done(&loop);
	ok(loop_once(&loop, 0) == -EBADF, "a loop that is done says so");
	return tap_done();
}
