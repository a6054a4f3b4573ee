/* SPDX-License-Identifier: ISC */
/* What the descriptors of a process say of it as a guest; the contracts are in guest_dev.h. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/num.h"
#include "vm-pin/guest_dev.h"
#include "vm-pin/read.h"

#define VCPU_LINK "anon_inode:kvm-vcpu:"

/* KVM's vCPUs of the process: the descriptor, and the id, which is the APIC's and thus ascends with the index. */
struct kvm_vcpu {
	unsigned fd, id;
	pid_t tid;
};

static bool
fd_link(const struct guest *g, const char *name, char *link, size_t size)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "fd/%.16s", name);
	n = readlinkat(g->proc, path, link, size - 1);
	if (n < 0)
		read_lacks(path);
	link[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

/* Calls fn for each descriptor and what it is. False, with errno, when they are not for this user to see. */
static bool
each_fd(const struct guest *g, void (*fn)(void *arg, unsigned fd, const char *link), void *arg)
{
	DIR *dir = read_dir(g->proc, "fd");
	char link[64];
	struct dirent *e;
	uint64_t fd;

	while (dir && (e = readdir(dir)))
		if (num_parse(e->d_name, 0, INT_MAX, &fd) && fd_link(g, e->d_name, link, sizeof(link)))
			fn(arg, (unsigned)fd, link);
	if (dir)
		closedir(dir);
	return dir;
}

struct vcpu_list {
	struct kvm_vcpu v[1024];
	size_t n;
};

static void
collect_vcpu(void *arg, unsigned fd, const char *link)
{
	struct vcpu_list *l = arg;
	uint64_t id;

	if (l->n < 1024 && !strncmp(link, VCPU_LINK, sizeof(VCPU_LINK) - 1) &&
	    num_parse(link + sizeof(VCPU_LINK) - 1, 0, UINT32_MAX, &id))
		l->v[l->n++] = (struct kvm_vcpu){.fd = fd, .id = (unsigned)id};
}

static int
by_id(const void *a, const void *b)
{
	const struct kvm_vcpu *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Of a thread that waits in KVM_RUN (its vCPU is halted) the kernel tells the system call and its arguments. */
static bool
running_fd(const struct guest *g, pid_t tid, unsigned *fd)
{
	char path[40], text[256];
	unsigned long request;
	long number;

	snprintf(path, sizeof(path), "task/%d/syscall", (int)tid);
	return read_text(g->proc, path, text, sizeof(text)) && sscanf(text, "%ld %x %lx", &number, fd, &request) == 3 &&
	       number == SYS_ioctl && request == KVM_RUN;
}

static void
name_by_call(struct guest *g, struct vcpu_list *l)
{
	unsigned fd;

	for (struct guest_thread *t = g->threads; t < g->threads + g->nthreads; t++) {
		if (!running_fd(g, t->tid, &fd))
			continue;
		for (size_t i = 0; i < l->n; i++) {
			if (l->v[i].fd != fd || l->v[i].tid)
				continue;
			l->v[i].tid = t->tid;
			t->kind = THREAD_VCPU;
			t->index = (unsigned)i;
		}
	}
}

/* The others have run a guest, and were made in the order of their indexes: so it is if their number is right. */
static bool
name_by_time(struct guest *g, struct vcpu_list *l)
{
	struct placement p;
	size_t i = 0;

	for (struct guest_thread *t = g->threads; t < g->threads + g->nthreads; t++) {
		if (t->kind == THREAD_VCPU || !guest_placement(g, t, &p) || !p.guest)
			continue;
		while (i < l->n && l->v[i].tid)
			i++;
		if (i == l->n)
			return false;
		t->kind = THREAD_VCPU;
		t->index = (unsigned)i;
		l->v[i++].tid = t->tid;
	}
	while (i < l->n && l->v[i].tid)
		i++;
	return i == l->n;
}

bool
guest_vcpus_by_fd(struct guest *g)
{
	struct vcpu_list l = {.n = 0};

	if (!each_fd(g, collect_vcpu, &l) || !l.n)
		return false;
	qsort(l.v, l.n, sizeof(*l.v), by_id);
	name_by_call(g, &l);
	return name_by_time(g, &l);
}

static void
see_vhost(void *arg, unsigned fd, const char *link)
{
	(void)fd;
	*(bool *)arg |= !strncmp(link, "/dev/vhost-", 11);
}

void
guest_add_vhost(struct guest *g)
{
	DIR *dir;
	bool seen = false;
	struct dirent *e;
	char name[16];

	snprintf(name, sizeof(name), "vhost-%d", (int)g->pid);
	for (size_t i = 0; i < g->nthreads; i++)
		if (!strcmp(g->threads[i].name, name))
			return;
	if (!each_fd(g, see_vhost, &seen) || !seen)
		return;
	dir = read_dir(g->root, "proc");
	while (dir && (e = readdir(dir))) {
		struct guest_thread t = {.kind = THREAD_IO, .kernel = true};
		char path[40];
		uint64_t tid;

		snprintf(path, sizeof(path), "proc/%.20s/comm", e->d_name);
		if (!num_parse(e->d_name, 1, INT_MAX, &tid) || !read_text(g->root, path, t.name, sizeof(t.name)) || strcmp(t.name, name))
			continue;
		t.tid = (pid_t)tid;
		if (!guest_add_thread(g, &t))
			break;
	}
	if (dir)
		closedir(dir);
}
