/* SPDX-License-Identifier: ISC */
/*
 * Watching; the contracts are in watch.h. The kernel tells nobody without rights that a thread was made or named, so we look: often
 * until the guest is there and for a while after each change, else once a second, when it costs two readings of /proc. In return any
 * VMM will do, and any chain of programs before it.
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/keeper.h"
#include "common/num.h"
#include "common/seal.h"
#include "common/timer.h"
#include "vm-pin/change.h"
#include "vm-pin/plan.h"
#include "vm-pin/read.h"
#include "vm-pin/watch.h"

#define QUICK_MS 10	 /* between looks while a guest starts */
#define LATER_MS 100	 /* and while it changes later, which workers may make it do without end */
#define SLOW_MS 1000	 /* else */
#define CHANGING_MS 1000 /* after a change more are to be expected */
#define WAITING_MS 100	 /* between looks for a guest that is long in coming */
#define DEPTH_MAX 8	 /* of programs that run programs */

/* A thread of the guest, and what became of it. */
struct known {
	struct change change;
	bool seen, placed, refused;
};

struct watcher {
	struct watch_guest *w;
	struct guest guest; /* pid 0: none yet */
	struct known *v;
	size_t n;
	struct cpus online;
	int64_t changed; /* when something last did, of timer_now */
	bool orphan;	 /* the program has ended, but not all that it ran */
	bool found;	 /* a guest, at any time */
	bool whole;	 /* all of this one was in place once */
};

static void
forget(struct watcher *s)
{
	guest_free(&s->guest);
	s->guest.pid = 0;
	s->whole = false;
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

/* Whether it may be a guest at all: one has more threads than one. A process's task directory has a link for each (proc(5)). */
static bool
has_threads(int root, pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "proc/%d/task", (int)pid);
	return fstatat(root, path, &st, 0) == 0 && st.st_nlink > 3;
}

/* The process or a descendant of it; what its main thread has forked, as the shell's and other loaders' has. */
static bool
find_guest(struct watcher *s, pid_t pid, unsigned depth)
{
	char path[48], number[16], *children, *rest;
	bool found = false;
	struct why w;
	uint64_t child;

	snprintf(number, sizeof(number), "%d", (int)pid);
	if (has_threads(s->w->root, pid) && !guest_find(&s->guest, s->w->root, number, &w))
		return true;
	s->guest.pid = 0;
	snprintf(path, sizeof(path), "proc/%d/task/%d/children", (int)pid, (int)pid);
	children = depth < DEPTH_MAX ? read_whole(s->w->root, path, &(size_t){0}) : NULL;
	for (char *word = children ? strtok_r(children, " ", &rest) : NULL; word && !found; word = strtok_r(NULL, " ", &rest))
		found = num_parse(word, 1, INT32_MAX, &child) && find_guest(s, (pid_t)child, depth + 1);
	free(children);
	return found;
}

/* Of the processes that hold our wire the guest: only those of the same user that have no more rights can be looked at so. */
static bool
find_holder(struct watcher *s)
{
	DIR *dir = read_dir(s->w->root, "proc");
	const struct dirent *e;
	bool found = false;
	struct why w;
	uint64_t pid;

	while (dir && !found && (e = readdir(dir))) {
		char path[64], link[64];
		ssize_t len;

		if (!num_parse(e->d_name, 1, INT32_MAX, &pid))
			continue;
		snprintf(path, sizeof(path), "proc/%u/fd/%d", (unsigned)pid, s->w->held);
		len = readlinkat(s->w->root, path, link, sizeof(link) - 1);
		link[len < 0 ? 0 : len] = '\0';
		found = !strcmp(link, s->w->wire) && !guest_find(&s->guest, s->w->root, e->d_name, &w);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The program, what it runs or, when it has ended, what it left in the background: its number may be anybody's then. */
static bool
find(struct watcher *s)
{
	struct stat st;
	bool orphan = fstatat(s->w->program_dir, "stat", &st, 0) < 0, found = orphan ? find_holder(s) : find_guest(s, s->w->program, 0);

	if (!found)
		s->guest.pid = 0;
	if (!found && orphan && !s->found && !s->orphan)
		warn("the program has ended, and whom it left in the background is not to be seen: vm-pin set may place it");
	s->orphan = orphan;
	return found;
}

static struct known *
end(const struct watcher *s)
{
	return s->n ? s->v + s->n : s->v;
}

static struct known *
known_thread(struct watcher *s, const struct guest_thread *t)
{
	struct known *v;

	for (v = s->v; v < end(s); v++)
		if (v->change.thread.tid == t->tid)
			return v;
	v = reallocarray(s->v, s->n + 1, sizeof(*v));
	if (!v)
		die("no memory");
	s->v = v;
	v[s->n] = (struct known){.change.thread = *t};
	s->changed = timer_now();
	return &v[s->n++];
}

/* A thread gets its name only when it runs: what was taken for another, or is a later one of that number, begins anew. */
static void
know(struct watcher *s, struct known *k, const struct guest_thread *t)
{
	const struct guest_thread *old = &k->change.thread;
	bool acted = k->change.moved || k->change.reclassed, same = !acted || change_same(&k->change, &s->guest);

	k->seen = true;
	if (old->kind == t->kind && old->index == t->index && same)
		return;
	if (acted && same)
		change_take_back(&k->change);
	*k = (struct known){.change.thread = *t, .seen = true};
	s->changed = timer_now();
}

static void
place(struct watcher *s, struct known *k)
{
	const struct guest_thread thread = k->change.thread;
	const char *fault;
	struct why w;
	char label[32];

	k->placed = true;
	if (!plan_thread(&k->change, &s->guest, &thread, &s->w->places, &s->online, &fault, &w))
		return;
	if (!fault)
		fault = change_make(&k->change, &s->guest, &w);
	if (!fault || k->change.ended)
		return;
	k->refused = true;
	change_take_back(&k->change);
	error("%s: %s", thread_label(&thread, label), fault);
}

/* What other threads have left changes with each vCPU. */
static void
lay_out(struct watcher *s)
{
	size_t had = cpus_count(&s->w->layout.used);
	const char *fault;
	struct why w;

	if (cpus_empty(&s->w->layout.used))
		layout_home(&s->w->layout, (unsigned)s->guest.nvcpus, HOST_NONE);
	fault = layout_places(&s->w->layout, &s->w->places, &s->guest, &w);
	if (fault)
		error("%s: %s", s->guest.name, fault);
	for (struct known *k = s->v; k < end(s) && had != cpus_count(&s->w->layout.used); k++)
		k->placed &= k->change.thread.kind == THREAD_VCPU;
}

/* One that went takes the affinity of those with it that had no other; as it is back, they are to have theirs. */
static void
look_at_cpus(struct watcher *s)
{
	struct cpus online, gone = s->online, back;
	char list[CPULIST_TEXT];

	plan_online(s->w->root, &online);
	if (cpus_equal(&online, &s->online))
		return;
	back = online;
	cpus_without(&back, &s->online);
	cpus_without(&gone, &online);
	s->online = online;
	for (struct known *k = s->v; k < end(s); k++) {
		char label[32];
		struct cpus lost = k->change.cpus;

		if (cpus_any(&lost) || !k->change.moves)
			continue;
		if (cpus_meet(&lost, &back))
			k->placed = k->refused = false;
		cpus_and(&lost, &gone);
		if (!cpus_empty(&lost))
			warn("%s: CPU %s went offline", thread_label(&k->change.thread, label), cpus_text(&lost, list, sizeof(list)));
	}
}

/* Reads all threads and places those that are not. False: the guest has ended. */
static bool
look_at_threads(struct watcher *s)
{
	struct why w;
	size_t kept = 0;

	if (guest_threads(&s->guest, &w))
		return false;
	for (struct known *k = s->v; k < end(s); k++)
		k->seen = false;
	for (const struct guest_thread *t = s->guest.threads; t < s->guest.threads + s->guest.nthreads; t++)
		know(s, known_thread(s, t), t);
	if (s->w->automatic)
		lay_out(s);
	for (size_t i = 0; i < s->n; i++) {
		if (!s->v[i].seen)
			continue;
		s->v[kept++] = s->v[i];
		if (!s->v[kept - 1].placed)
			place(s, &s->v[kept - 1]);
	}
	s->n = kept;
	return true;
}

static bool
all_placed(const struct watcher *s)
{
	for (const struct known *k = s->v; k < end(s); k++)
		if (!k->placed || k->refused)
			return false;
	return true;
}

/* Whether the threads are as many as are known, and the same. */
static bool
same_threads(const struct watcher *s)
{
	DIR *dir = read_dir(s->guest.proc, "task");
	const struct dirent *e;
	size_t there = 0, process = 0;
	uint64_t tid;

	for (const struct known *k = s->v; k < end(s); k++)
		process += !k->change.thread.kernel;
	while (dir && (e = readdir(dir))) {
		size_t i = 0;

		if (!num_parse(e->d_name, 1, INT32_MAX, &tid))
			continue;
		while (i < s->n && s->v[i].change.thread.tid != (pid_t)tid)
			i++;
		there += i < s->n ? 1 : s->n + 1;
	}
	if (dir)
		closedir(dir);
	return there == process;
}

/* One look at everything; how long to wait for the next, in ms. */
static int
look(struct watcher *s)
{
	int64_t now = timer_now();
	bool changing = now - s->changed < CHANGING_MS;

	if (!s->guest.pid) {
		if (!find(s))
			return s->orphan ? SLOW_MS : changing ? QUICK_MS : WAITING_MS;
		s->found = true;
		s->changed = now;
	} else {
		look_at_cpus(s);
		if (!changing && same_threads(s) && all_placed(s))
			return SLOW_MS;
	}
	if (!look_at_threads(s)) {
		forget(s);
		return QUICK_MS;
	}
	/* Twice the same: it is whole. */
	if (s->changed < now && all_placed(s)) {
		backend_tell(s->w->ready);
		s->w->ready = -1;
		s->whole = true;
	}
	return s->changed < now && !changing ? SLOW_MS : s->whole ? LATER_MS : QUICK_MS;
}

int
watch_guest(void *arg)
{
	static const char *const calls[] = { "openat", "read", "close", "getdents64", "newfstatat", "fstat", "lseek", "fcntl", "readlinkat", "readlink",
		"sched_getaffinity", "sched_setaffinity", "sched_getattr", "sched_setattr", "poll", "ppoll", "write", "clock_gettime", "brk", "mmap",
		"munmap", "mremap", "getrandom", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL };
	struct watcher s = {.w = arg, .guest.proc = -1, .changed = timer_now()};
	struct pollfd p = {.fd = s.w->hold, .events = POLLIN};

	seal_syscalls(calls);
	keeper_ready();
	plan_online(s.w->root, &s.online);
	while (poll(&p, 1, look(&s)) <= 0)
		;
	if (!s.found)
		warn("no guest was there to be placed");
	forget(&s);
	return 0;
}
