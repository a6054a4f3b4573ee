/* SPDX-License-Identifier: ISC */
/* I/O threads that are the one thread there is: what a device does can be repeated step by step. */
#ifndef TESTS_UNIT_THREAD_STUB_H
#define TESTS_UNIT_THREAD_STUB_H

#include <stdlib.h>

#include "kvm-run/iothread.h"

#define STUB_THREADS_MAX 64

static struct iothread *stub_threads[STUB_THREADS_MAX];

int
iothread_start(struct iothread *t, const char *name)
{
	unsigned i = 0;

	(void)name;
	while (stub_threads[i])
		if (++i == STUB_THREADS_MAX)
			abort();
	stub_threads[i] = t;
	return loop_init(&t->loop);
}

void
iothread_call(struct iothread *t, void (*fn)(void *arg), void *arg)
{
	(void)t;
	fn(arg);
}

void
iothread_stop(struct iothread *t)
{
	for (unsigned i = 0; i < STUB_THREADS_MAX; i++)
		if (stub_threads[i] == t)
			stub_threads[i] = NULL;
	loop_done(&t->loop);
}

/* What there is to be done on all of them now. */
static inline void
stub_threads_run(void)
{
	for (unsigned i = 0; i < STUB_THREADS_MAX; i++)
		if (stub_threads[i])
			loop_once(&stub_threads[i]->loop, 0);
}

#endif
