/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "vm-img/copy_plan.h"
#include "vm-img/copy_pool.h"
#include "vm-img/copy_write.h"

struct course {
	const struct copy *copy;
	struct plan plan;
	struct pool pool;
	struct writer writer;
	bool planned; /* all of it */
	struct timespec start;
	uint64_t data; /* bytes written, for the rate */
};

static const char *
failed(const char *what, uint64_t off, int err, const struct image *i, struct why *w)
{
	const char *fault = i && i->fault.text[0] ? i->fault.text : strerror(-err);

	return why(w, "%s at byte %" PRIu64 ": %s", what, off, fault);
}

/* Which source a byte is of, for what it has to say about itself. */
static struct image *
source_at(const struct copy *c, uint64_t off)
{
	size_t i = 0;

	while (i + 1 < c->n && off >= c->sources[i]->size)
		off -= c->sources[i++]->size;
	return c->sources[i];
}

/* Fills the ring. */
static const char *
plan(struct course *r, struct why *w)
{
	struct job *j;

	while (!r->planned && (j = pool_place(&r->pool))) {
		int more = plan_next(&r->plan, j);

		if (more < 0)
			return failed("reading", j->err_off, more, source_at(r->copy, j->err_off), w);
		if (more)
			pool_planned(&r->pool);
		else
			r->planned = true;
	}
	return NULL;
}

/* Waits until the bytes written so far are as many as the rate allows. */
static void
keep_rate(const struct course *r)
{
	double due = (double)r->data / (double)r->copy->rate;
	struct timespec until = r->start;

	until.tv_sec += (time_t)due;
	until.tv_nsec += (long)((due - (double)(time_t)due) * 1e9);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static const char *
finish(struct course *r, struct job *j, struct why *w)
{
	const struct copy *c = r->copy;
	int err;

	if (j->err && !j->lost)
		return failed("reading", j->err_off, j->err, NULL, w);
	if (j->lost && c->lost)
		c->lost(c->user, j->err_off, j->lost, j->err);
	err = j->put ? j->put_err : writer_put(&r->writer, j);
	if (err)
		return failed("writing", j->off, err, c->target, w);
	if (j->kind == JOB_LOAD)
		r->data += j->len;
	if (c->rate)
		keep_rate(r);
	if (c->progress)
		c->progress(c->user, j->off + j->len, c->size);
	return NULL;
}

static const char *
run(struct course *r, struct why *w)
{
	struct job *j;
	const char *no;

	for (;;) {
		no = plan(r, w);
		if (no)
			return no;
		j = pool_loaded(&r->pool);
		if (!j)
			return NULL;
		no = finish(r, j, w);
		if (no)
			return no;
		pool_written(&r->pool);
	}
}

const char *
copy_run(struct copy *c, struct why *w)
{
	struct course r = {.copy = c};
	const char *no;

	copy_size(c);
	clock_gettime(CLOCK_MONOTONIC, &r.start);
	plan_begin(&r.plan, c);
	writer_begin(&r.writer, c);
	no = pool_begin(&r.pool, c, r.plan.room) ? why(w, "%s", strerror(ENOMEM)) : run(&r, w);
	pool_end(&r.pool);
	return no;
}
