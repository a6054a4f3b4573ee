/* SPDX-License-Identifier: ISC */
/* Timers: they run out once, not early, not when stopped. */
#include <stdbool.h>

#include "common/timer.h"
#include "tests/unit/tap.h"

static struct loop loop;
static int fired, others;
static int64_t fired_at;
static struct timer first, second;

static void
count(struct timer *t)
{
	(void)t;
	fired++;
	fired_at = timer_now();
}

/* Sets the other one, which is due in the same round, anew. */
static void
stop_other(struct timer *t)
{
	others++;
	timer_set(t == &first ? &second : &first, TIMER_NEVER);
}

int
main(void)
{
	int64_t start = timer_now();

	ok(loop_init(&loop) == 0 && timer_init(&first, &loop, count) == 0, "made");
	ok(start > 0, "the clock is never 0");
	timer_set(&first, start - 1000);
	ok(loop_once(&loop, 1000) == 0 && fired == 1, "a time that is past is now");
	timer_set(&first, timer_now() + 30);
	start = timer_now();
	loop_once(&loop, 1000);
	ok(fired == 2 && fired_at - start >= 29, "not early");
	loop_once(&loop, 50);
	ok(fired == 2, "once");
	timer_set(&first, timer_now() + 10);
	timer_set(&first, TIMER_NEVER);
	loop_once(&loop, 50);
	ok(fired == 2, "stopped");
	timer_set(&first, timer_now() + 10);
	timer_set(&first, timer_now() + 20);
	loop_once(&loop, 1000);
	loop_once(&loop, 40);
	ok(fired == 3, "set anew: the first setting is void");
	timer_done(&first);
	timer_init(&first, &loop, stop_other);
	timer_init(&second, &loop, stop_other);
	timer_set(&first, timer_now());
	timer_set(&second, timer_now());
	for (int64_t end = timer_now() + 5; timer_now() < end;)
		;
	loop_once(&loop, 1000);
	ok(others == 1, "one that is stopped in the round in which it is due does not fire");
	timer_done(&first);
	timer_done(&second);
	loop_done(&loop);
	return tap_done();
}
