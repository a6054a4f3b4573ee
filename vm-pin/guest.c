/* SPDX-License-Identifier: ISC */
/* Finding guests; the contracts are in guest.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"
#include "vm-pin/guest_dev.h"
#include "vm-pin/read.h"
#include "vm-pin/talk.h"

static bool
open_process(struct guest *g)
{
	char path[32];

	snprintf(path, sizeof(path), "proc/%d", (int)g->pid);
	g->proc = openat(g->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (g->proc < 0)
		read_lacks(path);
	return g->proc >= 0;
}

/* A number of /proc/PID/status: the first of its line, or the last. */
static bool
status_number(int root, pid_t pid, const char *key, bool last, uint64_t *value)
{
	char path[40], text[4096], line[256], *number = line;

	snprintf(path, sizeof(path), "proc/%d/status", (int)pid);
	if (!read_text(root, path, text, sizeof(text)) || !read_field(text, key, line, sizeof(line)))
		return false;
	if (last && strrchr(line, '\t'))
		number = strrchr(line, '\t') + 1;
	number[strcspn(number, "\t")] = '\0';
	return num_parse(number, 0, UINT32_MAX, value);
}

pid_t
guest_inner_id(const struct guest *g, pid_t tid)
{
	uint64_t id;

	return status_number(g->root, tid, "NSpid:", true, &id) ? (pid_t)id : 0;
}

/* /proc has each thread by its number too, though it does not list it; what has threads is the process. */
static const char *
open_guest(struct guest *g, struct why *w)
{
	uint64_t leader;

	if (!status_number(g->root, g->pid, "Tgid:", false, &leader))
		return "no such process";
	if (leader != (uint64_t)g->pid)
		return why(w, "a thread of process %u", (unsigned)leader);
	if (!open_process(g))
		return "no such process";
	guest_identify(g);
	return guest_threads(g, w);
}

static const char *
find_pid(struct guest *g, struct why *w)
{
	const char *reason = open_guest(g, w);

	if (reason)
		guest_free(g);
	return reason;
}

/*
 * The process that has the thread: the one at the other end, where the thread may have a number of another pid namespace; or the
 * thread's own, where somebody else made the socket for it, if that somebody may name it: a peer does not point at others.
 */
static const char *
find_owner(struct guest *g, pid_t tid)
{
	uint64_t leader, owner;
	char path[48];
	uid_t uid;

	talk_peer(g->talk, &g->pid, &uid);
	snprintf(path, sizeof(path), "proc/%d/task/%d", (int)g->pid, (int)tid);
	if (g->pid > 0 && faccessat(g->root, path, F_OK, 0) == 0)
		return NULL;
	g->contained = g->pid > 0 && guest_inner_id(g, g->pid) != g->pid;
	if (g->contained)
		return NULL;
	if (!status_number(g->root, tid, "Tgid:", false, &leader) ||
	    !status_number(g->root, (pid_t)leader, "Uid:", false, &owner) || (owner != uid && uid != 0))
		return "whose process it is cannot be told: give its pid";
	g->pid = (pid_t)leader;
	return NULL;
}

static const char *
find_talking(struct guest *g, int fd, struct why *w)
{
	struct talk_thread *threads;
	const char *reason;
	size_t n;

	g->talk = talk_open(fd, &reason, w);
	if (!g->talk)
		return reason;
	threads = talk_threads(g->talk, &n, &reason, w);
	if (threads)
		reason = find_owner(g, threads[0].tid);
	free(threads);
	if (!reason)
		return find_pid(g, w);
	guest_free(g);
	return reason;
}

static const char *
find_wire(struct guest *g, const char *word, struct why *w)
{
	struct wire wire;
	const char *reason;

	if (!wire_parse(&wire, word, strlen(word), &reason))
		return why(w, "%s", reason);
	if (wire.kind != WIRE_CTL || wire.nfds != 1)
		return "the wire of a guest is ctl,fd=NUMBER";
	if (!fd_set_cloexec(wire.fds[0], true))
		return why(w, "%s", strerror(errno));
	return find_talking(g, wire.fds[0], w);
}

const char *
guest_find(struct guest *g, int root, const char *word, struct why *w)
{
	uint64_t pid;
	int fd;

	*g = (struct guest){.root = root, .proc = -1};
	if (num_parse(word, 1, INT_MAX, &pid)) {
		g->pid = (pid_t)pid;
		return find_pid(g, w);
	}
	if (strstr(word, ",fd="))
		return find_wire(g, word, w);
	fd = fd_connect_unix(word);
	if (fd < 0)
		return why(w, "%s", strerror(errno));
	return find_talking(g, fd, w);
}

static int
by_pid(const void *a, const void *b)
{
	const struct guest *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

size_t
guest_find_all(struct guest **guests, int root)
{
	DIR *dir = read_dir(root, "proc");
	struct guest *v = NULL, *more;
	struct dirent *e;
	struct why w;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		struct guest g = {0};

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || guest_find(&g, root, e->d_name, &w))
			continue;
		more = realloc(v, (n + 1) * sizeof(*v));
		if (!more) {
			read_lacks("guests");
			guest_free(&g);
			break;
		}
		v = more;
		v[n++] = g;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(v, n, sizeof(*v), by_pid);
	*guests = v;
	return n;
}

void
guest_free(struct guest *g)
{
	talk_close(g->talk);
	free(g->threads);
	if (g->proc >= 0)
		close(g->proc);
	*g = (struct guest){.proc = -1};
}
