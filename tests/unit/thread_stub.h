/* SPDX-License-Identifier: ISC */
/* I/O threads that are the one thread there is: what a device does can be repeated step by step. */
#ifndef TESTS_UNIT_THREAD_STUB_H
#define TESTS_UNIT_THREAD_STUB_H

#include "kvm-run/iothread.h"

int
iothread_start(struct iothread *t, const char *name)
{
	(void)name;
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
	loop_done(&t->loop);
}

#endif
