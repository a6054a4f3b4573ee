/* SPDX-License-Identifier: ISC */
/* Timers of a loop; the contracts are in timer.h. */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/timer.h"
#include "common/util.h"

int64_t
timer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000 + 1;
}

/* A timer set anew by an earlier handler of the same round has nothing to be read yet. */
static void
ran_out(struct watch *w, uint32_t events)
{
	struct timer *t = container_of(w, struct timer, watch);
	uint64_t count;

	(void)events;
	if (read(w->fd, &count, sizeof(count)) == sizeof(count))
		t->fired(t);
}

int
timer_init(struct timer *t, struct loop *l, void (*fired)(struct timer *t))
{
	int err;

	*t = (struct timer){.watch.handler = ran_out, .fired = fired};
	t->watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->watch.fd < 0)
		return -errno;
	err = loop_watch(l, &t->watch, EPOLLIN);
	if (err)
		close(t->watch.fd);
	return err;
}

void
timer_done(struct timer *t)
{
	loop_unwatch(&t->watch);
	close(t->watch.fd);
}

void
timer_set(struct timer *t, int64_t at)
{
	struct itimerspec spec = {0}; /* all zero: stopped */

	if (at != TIMER_NEVER) {
		int64_t in = at - timer_now();

		if (in < 0)
			in = 0;
		/* At least a nanosecond, which is "at once"; and never before the millisecond has come. */
		spec.it_value = (struct timespec){.tv_sec = in / 1000, .tv_nsec = in % 1000 * 1000000 + 1};
	}
	timerfd_settime(t->watch.fd, 0, &spec, NULL);
}
