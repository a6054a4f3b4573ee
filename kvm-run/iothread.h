/* SPDX-License-Identifier: ISC */
/* A thread that runs an event loop for one device (or a few small ones), named for it. */
#ifndef KVM_RUN_IOTHREAD_H
#define KVM_RUN_IOTHREAD_H

#include <pthread.h>

#include "common/loop.h"

struct iothread {
	struct loop loop;
	pthread_t thread;
	char name[16];
	int wake_fd;
	struct watch wake;
	pthread_mutex_t lock;
	pthread_cond_t done;
	void (*fn)(void *arg); /* the call under way */
	void *arg;
	bool ending;
};

/* Creates the thread; it seals itself (seal_thread_io) before its first event. 0 or -errno. */
int iothread_start(struct iothread *t, const char *name);

/* Runs fn(arg) on the thread and returns when it is done. From any other thread; calls queue up. Directly when called
 * on the thread itself. */
void iothread_call(struct iothread *t, void (*fn)(void *arg), void *arg);

/* Ends and joins the thread. */
void iothread_stop(struct iothread *t);

#endif
