/* SPDX-License-Identifier: ISC */
/* Following /etc/resolv.conf; the contracts are in resolv.h. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-slirp/resolv.h"

#define RESOLV_CONF "/etc/resolv.conf"

void
resolv_copy(int fd)
{
	char text[8192]; /* name servers come first, and libslirp takes three of them at most */
	int from = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	ssize_t n = from < 0 ? 0 : fd_read_all(from, text, sizeof(text));

	if (from >= 0)
		close(from);
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0 || fd_write_all(fd, text, (size_t)n) < 0 || ftruncate(fd, n) < 0)
		warn_sys("%s", RESOLV_CONF);
}

static void
watch_dir(int fd, const char *path)
{
	char dir[PATH_MAX];

	strncpy(dir, path, sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	*strrchr(dir, '/') = '\0';
	inotify_add_watch(fd, *dir ? dir : "/", IN_MOVED_TO | IN_CREATE);
}

/* The file itself may be written to; it, or a link on the way to it, may be replaced. Watching twice changes nothing. */
static void
add_watches(int fd)
{
	char target[PATH_MAX];

	inotify_add_watch(fd, RESOLV_CONF, IN_CLOSE_WRITE);
	watch_dir(fd, RESOLV_CONF);
	if (realpath(RESOLV_CONF, target))
		watch_dir(fd, target);
}

static void
changed(struct watch *w, uint32_t events)
{
	struct resolv *r = container_of(w, struct resolv, watch);
	char buf[4096];

	(void)events;
	/* What happened does not matter: the directories are quiet ones, and a copy costs little. */
	while (read(w->fd, buf, sizeof(buf)) > 0)
		;
	add_watches(w->fd);
	resolv_copy(r->copy);
}

void
resolv_follow(struct resolv *r, struct loop *loop, int copy)
{
	r->copy = copy;
	r->watch.handler = changed;
	r->watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->watch.fd < 0 || loop_watch(loop, &r->watch, EPOLLIN) < 0) {
		warn_sys("%s is not followed", RESOLV_CONF);
		return;
	}
	add_watches(r->watch.fd);
	resolv_copy(copy);
}

void
resolv_stop(struct resolv *r)
{
	loop_unwatch(&r->watch);
	if (r->watch.fd >= 0)
		close(r->watch.fd);
	if (r->copy >= 0)
		close(r->copy);
	r->watch.fd = r->copy = -1;
}
