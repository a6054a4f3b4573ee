/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "vm-img/copy_pool.h"

#define THREADS_MAX 1024

static struct job *
job_of(struct pool *p, uint64_t count)
{
	return &p->jobs[count % p->njobs];
}

static void
load(struct worker *w, struct job *j)
{
	if (j->kind == JOB_LOAD)
		job_load(j, w->pool->copy, w->pool->room, &w->tools);
}

/* Here its bytes are in this processor's cache. */
static void
put(struct worker *w, struct job *j)
{
	if (j->kind != JOB_LOAD || (j->err && !j->lost) || !writer_any_order(&w->writer))
		return;
	j->put_err = writer_put(&w->writer, j);
	j->put = true;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct job *j;

		while (p->taken == p->planned && !p->stop)
			pthread_cond_wait(&p->more, &p->lock);
		if (p->stop)
			break;
		j = job_of(p, p->taken++);
		pthread_mutex_unlock(&p->lock);
		load(w, j);
		put(w, j);
		pthread_mutex_lock(&p->lock);
		j->loaded = true;
		pthread_cond_signal(&p->loaded);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* As many threads as are wanted and can be had. */
static void
start(struct pool *p)
{
	for (; p->threads > 1 && p->running < p->threads; p->running++) {
		struct worker *w = &p->workers[p->running];

		if (p->running && copy_tools_make(&w->tools, p->copy))
			break;
		if (pthread_create(&w->thread, NULL, work, w))
			break;
	}
	if (!p->running)
		p->threads = 1;
}

int
pool_begin(struct pool *p, const struct copy *c, size_t room)
{
	size_t threads = c->threads > THREADS_MAX ? THREADS_MAX : c->threads ? c->threads : 1;

	*p = (struct pool){.copy = c, .room = room, .threads = threads, .njobs = 2 * threads + 1};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->loaded, NULL);
	p->jobs = calloc(p->njobs, sizeof(*p->jobs));
	p->workers = calloc(threads, sizeof(*p->workers));
	if (!p->jobs || !p->workers)
		return -ENOMEM;
	for (size_t i = 0; i < threads; i++) {
		p->workers[i].pool = p;
		writer_begin(&p->workers[i].writer, c);
	}
	return copy_tools_make(&p->workers[0].tools, c);
}

struct job *
pool_place(struct pool *p)
{
	/* Nothing is won by planning ahead of what nobody else loads. */
	size_t ahead = p->running ? p->njobs : 1;

	return p->planned - p->written < ahead ? job_of(p, p->planned) : NULL;
}

/* More than moving bytes: then other processors help. */
static bool
worth_threads(const struct pool *p, const struct job *j)
{
	if (j->kind != JOB_LOAD || p->copy->pass == COPY_LAYOUT)
		return false;
	for (size_t i = 0; i < j->nextents; i++)
		if (p->copy->pack || j->extents[i].kind == EXTENT_PACKED)
			return true;
	return false;
}

void
pool_planned(struct pool *p)
{
	struct job *j = job_of(p, p->planned);

	if (!p->running && worth_threads(p, j))
		start(p);
	pthread_mutex_lock(&p->lock);
	p->planned++;
	if (!p->running) {
		p->taken++;
		load(&p->workers[0], j);
		j->loaded = true;
	} else {
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
}

struct job *
pool_loaded(struct pool *p)
{
	struct job *j = p->written < p->planned ? job_of(p, p->written) : NULL;

	pthread_mutex_lock(&p->lock);
	while (j && !j->loaded)
		pthread_cond_wait(&p->loaded, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return j;
}

void
pool_written(struct pool *p)
{
	p->written++;
}

void
pool_end(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->running; i++)
		pthread_join(p->workers[i].thread, NULL);
	for (size_t i = 0; p->workers && i < p->threads; i++)
		copy_tools_free(&p->workers[i].tools);
	for (size_t i = 0; p->jobs && i < p->njobs; i++)
		job_free(&p->jobs[i]);
	free(p->workers);
	free(p->jobs);
}
