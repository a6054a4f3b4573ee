/* SPDX-License-Identifier: ISC */
/* The threads of a guest, and which of them are vCPUs; the contracts are in guest.h and guest_dev.h. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/num.h"
#include "vm-pin/guest_dev.h"
#include "vm-pin/read.h"
#include "vm-pin/talk.h"

bool
guest_add_thread(struct guest *g, const struct guest_thread *t)
{
	struct guest_thread *v = g->threads;

	if (!(g->nthreads & (g->nthreads - 1))) /* full at each power of two */
		v = realloc(v, (g->nthreads ? 2 * g->nthreads : 1) * sizeof(*v));
	if (!v) {
		read_lacks("threads");
		return false;
	}
	g->threads = v;
	g->threads[g->nthreads++] = *t;
	return true;
}

/* Those of the process. Who ends meanwhile is not there. */
static bool
list_tasks(struct guest *g)
{
	DIR *dir = read_dir(g->proc, "task");
	struct dirent *e;
	bool good = dir;

	while (good && (e = readdir(dir))) {
		struct guest_thread t = {0};
		char path[32];
		uint64_t tid;

		if (!num_parse(e->d_name, 1, INT_MAX, &tid))
			continue;
		t.tid = (pid_t)tid;
		snprintf(path, sizeof(path), "task/%d/comm", (int)t.tid);
		if (!read_text(g->proc, path, t.name, sizeof(t.name)))
			continue;
		guest_clean_name(t.name);
		thread_classify(&t, g);
		good = guest_add_thread(g, &t);
	}
	if (dir)
		closedir(dir);
	return good && g->nthreads;
}

static struct guest_thread *
told_thread(struct guest *g, pid_t tid)
{
	for (size_t i = 0; i < g->nthreads; i++)
		if ((g->contained ? guest_inner_id(g, g->threads[i].tid) : g->threads[i].tid) == tid)
			return &g->threads[i];
	return NULL;
}

/* What the VMM says it has is better than names; but only threads of its own process are its to tell. */
static const char *
ask(struct guest *g, struct why *w)
{
	const char *reason;
	size_t n;
	struct talk_thread *told = talk_threads(g->talk, &n, &reason, w);

	if (!told)
		return reason;
	for (size_t i = 0; i < g->nthreads; i++)
		if (g->threads[i].kind == THREAD_VCPU)
			g->threads[i].kind = THREAD_IO;
	for (size_t i = 0; i < n; i++) {
		struct guest_thread *t = told_thread(g, told[i].tid);

		if (!t || t->kind == THREAD_VCPU)
			continue;
		t->kind = told[i].io ? THREAD_IO : THREAD_VCPU;
		t->index = told[i].index;
	}
	free(told);
	return NULL;
}

static int
by_rank(const void *a, const void *b)
{
	const struct guest_thread *x = a, *y = b;

	if ((x->kind == THREAD_VCPU) != (y->kind == THREAD_VCPU))
		return x->kind == THREAD_VCPU ? -1 : 1;
	if (x->kind == THREAD_VCPU && x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* vCPUs first, each index once: of two with one name the elder is it. */
static void
sort(struct guest *g)
{
	const struct guest_thread *last = NULL;

	qsort(g->threads, g->nthreads, sizeof(*g->threads), by_rank);
	for (size_t i = 0; i < g->nthreads && g->threads[i].kind == THREAD_VCPU; i++) {
		if (last && last->index == g->threads[i].index)
			g->threads[i].kind = THREAD_IO;
		else
			last = &g->threads[i];
	}
	qsort(g->threads, g->nthreads, sizeof(*g->threads), by_rank);
	for (g->nvcpus = 0; g->nvcpus < g->nthreads && g->threads[g->nvcpus].kind == THREAD_VCPU; g->nvcpus++)
		;
}

static bool
has_vcpu(const struct guest *g)
{
	for (size_t i = 0; i < g->nthreads; i++)
		if (g->threads[i].kind == THREAD_VCPU)
			return true;
	return false;
}

const char *
guest_threads(struct guest *g, struct why *w)
{
	const char *reason;

	g->nthreads = g->nvcpus = 0;
	free(g->threads);
	g->threads = NULL;
	if (!list_tasks(g))
		return "it has ended";
	reason = g->talk ? ask(g, w) : NULL;
	if (reason)
		return reason;
	errno = 0;
	if (!has_vcpu(g) && !guest_vcpus_by_fd(g))
		return errno == EACCES ? "none of its threads is named a vCPU, and its descriptors are not for this user to see" :
		       g->talk	       ? "it names vCPUs that are not its own threads" :
					 "no guest: none of its threads is a vCPU";
	guest_add_vhost(g);
	sort(g);
	return NULL;
}
