/* SPDX-License-Identifier: ISC */
/* Device threads; the contracts are in iothread.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/iothread.h"
#include "kvm-run/seal_threads.h"

#define STACK_SIZE (256 << 10)

static void
on_wake(struct watch *w, uint32_t events)
{
	struct iothread *t = container_of(w, struct iothread, wake);
	eventfd_t n;

	(void)events;
	eventfd_read(t->wake_fd, &n);
	pthread_mutex_lock(&t->lock);
	if (t->fn)
		t->fn(t->arg);
	t->fn = NULL;
	if (t->ending)
		loop_stop(&t->loop);
	pthread_cond_broadcast(&t->done);
	pthread_mutex_unlock(&t->lock);
}

static void *
thread_main(void *arg)
{
	struct iothread *t = arg;

	pthread_setname_np(pthread_self(), t->name);
	seal_thread_io();
	loop_run(&t->loop);
	return NULL;
}

int
iothread_start(struct iothread *t, const char *name)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	memset(t, 0, sizeof(*t));
	strncpy(t->name, name, sizeof(t->name) - 1);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->done, NULL);
	err = loop_init(&t->loop);
	if (err)
		return err;
	t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->wake = (struct watch){.fd = t->wake_fd, .handler = on_wake};
	err = t->wake_fd < 0 ? -errno : loop_watch(&t->loop, &t->wake, EPOLLIN);
	if (!err) {
		/* Signals are the main thread's. */
		sigfillset(&all);
		sigdelset(&all, SIGBUS); /* but a fault of its own, see memory_fault.h */
		pthread_sigmask(SIG_SETMASK, &all, &old);
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, STACK_SIZE);
		err = -pthread_create(&t->thread, &attr, thread_main, t);
		pthread_attr_destroy(&attr);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (err) {
		if (t->wake_fd >= 0)
			close(t->wake_fd);
		loop_done(&t->loop);
	}
	return err;
}

/* Wakes the thread and waits until `fn` (if any) has run. t->lock held. */
static void
wake_and_wait(struct iothread *t)
{
	eventfd_write(t->wake_fd, 1);
	while (t->fn)
		pthread_cond_wait(&t->done, &t->lock);
}

void
iothread_call(struct iothread *t, void (*fn)(void *arg), void *arg)
{
	if (pthread_equal(pthread_self(), t->thread)) {
		fn(arg);
		return;
	}
	pthread_mutex_lock(&t->lock);
	while (t->fn) /* another caller's turn */
		pthread_cond_wait(&t->done, &t->lock);
	t->fn = fn;
	t->arg = arg;
	wake_and_wait(t);
	pthread_mutex_unlock(&t->lock);
}

void
iothread_stop(struct iothread *t)
{
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	wake_and_wait(t);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	close(t->wake_fd);
	loop_done(&t->loop);
}
