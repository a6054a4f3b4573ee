/* SPDX-License-Identifier: ISC */
/* A timer of a loop: a timerfd and its watch. Who has many deadlines sets one timer to the earliest of them. */
#ifndef COMMON_TIMER_H
#define COMMON_TIMER_H

#include <stdint.h>

#include "common/loop.h"

#define TIMER_NEVER INT64_MAX

struct timer {
	struct watch watch;
	void (*fired)(struct timer *t); /* on the loop's thread, as a handler of it; once for each timer_set */
};

/* Milliseconds on a clock that nobody sets, from some moment before now: never 0. */
int64_t timer_now(void);

/* Makes the timer, not running. The one call that needs a descriptor; 0 or -errno. */
int timer_init(struct timer *t, struct loop *l, void (*fired)(struct timer *t));
void timer_done(struct timer *t);

/* Runs out at that time of timer_now, at once if it is past, never with TIMER_NEVER; what was set before is void. */
void timer_set(struct timer *t, int64_t at);

#endif
