/* SPDX-License-Identifier: ISC */
/* The process behind adopt; the contracts are in guard.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/seal.h"
#include "vm-bridge/bypass.h"
#include "vm-bridge/guard.h"

#define WORD_MAX 16
#define TRIES 10 /* a second apart */
#define ANSWER_MS 10000 /* the way back takes as long as the kernel takes to delete a bridge */

static void
socket_path(char path[108], const char *dir, const char *bridge)
{
	if (snprintf(path, 108, "%s/%s", dir, bridge) >= 108)
		die("-d %s: too long", dir);
}

void
guard_listen(struct guard *g, const char *bridge)
{
	char path[108];

	dir_make(g->dir);
	socket_path(path, g->dir, bridge);
	g->listener = fd_listen_unix(path);
	if (g->listener < 0)
		die_sys("%s", path);
}

void
guard_cancel(const struct guard *g, const char *bridge)
{
	char path[108];

	socket_path(path, g->dir, bridge);
	unlink(path);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
answer(int fd, const char *word)
{
	if (fd_write_all(fd, word, strlen(word)) < 0)
		note(1, "nobody waits for the answer");
}

/* One who speaks to us is root, who alone may connect, and speaks at once. True when it was the last word. */
static bool
serve(struct guard *g, int *status)
{
	int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval patience = { .tv_sec = 1 };
	char word[WORD_MAX] = "";
	bool last = true;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (read(fd, word, sizeof(word) - 1) < 0)
		word[0] = '\0';
	if (!strcmp(word, "confirm\n")) {
		*status = 0;
		answer(fd, "ok\n");
	} else if (!strcmp(word, "release\n")) {
		*status = !change_release(g->nl, &g->br, g->program);
		answer(fd, *status ? "no\n" : "ok\n");
	} else {
		last = false;
		answer(fd, "no: neither confirm nor release\n");
	}
	close(fd);
	return last;
}

/* The host may be cut off until this is done: not given up for a moment's want of memory. */
static bool
take_back(struct guard *g)
{
	unsigned tries = TRIES;

	while (!change_release(g->nl, &g->br, g->program)) {
		if (!--tries)
			return false;
		poll(NULL, 0, 1000);
	}
	return true;
}

static int
wait_for_word(struct guard *g)
{
	int64_t end = now_ms() + (int64_t)g->seconds * 1000, left;
	int status = 0;

	while ((left = end - now_ms()) > 0) {
		struct pollfd p = { .fd = g->listener, .events = POLLIN };

		if (poll(&p, 1, (int)left) > 0 && serve(g, &status))
			return status;
	}
	warn("%s: not confirmed within %u seconds: %s is taken back", g->br.name, g->seconds, g->nic.name);
	return !take_back(g);
}

struct start {
	struct guard *g;
	int done; /* a byte: the change was made */
};

/* A pipeline that adopt stands in must not wait for us; somebody at a terminal wants to know. */
static void
leave_stderr(void)
{
	int null = isatty(2) ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, 2);
		close(null);
	}
}

static int
live(void *arg)
{
	static const char *const calls[] = { "read", "write", "close", "poll", "ppoll", "accept4", "socket", "setsockopt", "getsockopt", "dup3",
		"sendto", "recvfrom", "bpf", "bind", "openat", "newfstatat", "fstat", "lseek", "unlink", "clock_gettime", "brk", "mmap", "munmap", "mremap",
		"rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL };
	struct start *s = arg;
	struct guard *g = s->g;
	int status;

	keeper_ready();
	if (!change_adopt(g->nl, &g->br, &g->nic, &g->adopted, g->program)) {
		guard_cancel(g, g->br.name);
		return 1;
	}
	if (write(s->done, "\n", 1) < 0)
		note(1, "%s", strerror(errno));
	close(s->done);
	leave_stderr();
	seal_syscalls(calls);
	status = wait_for_word(g);
	guard_cancel(g, g->br.name);
	return status;
}

bool
guard_adopt(struct guard *g)
{
	struct start s = { .g = g };
	int pipe[2], err = pipe2(pipe, O_CLOEXEC) < 0 ? -errno : 0;
	char byte;

	if (!err) {
		s.done = pipe[1];
		g->program = bypass_load(&g->br);
		err = keeper_start(g->br.name, CAP_NET_ADMIN, (int[]){ g->nl->fd, g->listener, pipe[1], g->program },
		    g->program < 0 ? 3 : 4, live, &s);
		close(pipe[1]);
	}
	if (err) {
		error("%s: a process that takes %s back: %s", g->br.name, g->nic.name, strerror(-err));
		change_cancel(g->nl, &g->br, &g->adopted);
		guard_cancel(g, g->br.name);
		return false;
	}
	close(g->listener);
	err = fd_read_all(pipe[0], &byte, 1) != 1;
	close(pipe[0]);
	return !err;
}

int
guard_tell(const char *dir, const char *bridge, const char *word)
{
	char path[108], text[64] = "";
	struct pollfd p = { .events = POLLIN };

	socket_path(path, dir, bridge);
	p.fd = fd_connect_unix(path);
	if (p.fd < 0)
		return -1;
	answer(p.fd, word);
	if (poll(&p, 1, ANSWER_MS) <= 0 || read(p.fd, text, sizeof(text) - 1) <= 0)
		snprintf(text, sizeof(text), "no answer");
	close(p.fd);
	if (!strcmp(text, "ok\n"))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	error("%s: %s", bridge, text);
	return 1;
}
