/* SPDX-License-Identifier: ISC */
/*
 * Jobs in a ring: one thread plans them at one end and writes them at the other, in the same order; between, workers load
 * them, and write those whose place does not depend on the others. Without workers that thread loads each as it is planned.
 */
#ifndef VM_IMG_COPY_POOL_H
#define VM_IMG_COPY_POOL_H

#include <pthread.h>

#include "vm-img/copy_write.h"

struct pool {
	const struct copy *copy;
	size_t room; /* the most bytes of a job */
	struct job *jobs;
	size_t njobs;
	/* Counts of jobs ever planned, taken by workers, written. */
	uint64_t planned, taken, written;
	struct worker {
		struct pool *pool;
		pthread_t thread;
		struct copy_tools tools; /* the first one's are the caller's where there are no threads */
		struct writer writer;
	} *workers;
	size_t threads, running;
	bool stop;
	pthread_mutex_t lock; /* of the counts, the jobs' `loaded` and `stop` */
	pthread_cond_t more, loaded;
};

/* 0 or -ENOMEM; pool_end in any case. Threads are not started before a job is worth it. */
int pool_begin(struct pool *p, const struct copy *c, size_t room);

/* The place of the next job to be planned, or NULL: all are taken. */
struct job *pool_place(struct pool *p);

/* What is in that place now is to be loaded. */
void pool_planned(struct pool *p);

/* The oldest job that is not written, loaded; NULL: there is none. */
struct job *pool_loaded(struct pool *p);

/* It is written. */
void pool_written(struct pool *p);

void pool_end(struct pool *p);

#endif
