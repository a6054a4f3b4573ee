/* SPDX-License-Identifier: ISC */
/* Meeting at a path; the contracts are in meet.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-bridge/meet.h"

static struct meet *served;

static int
open_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (slash) {
		memcpy(dir, path, len);
		strcpy(dir + len, len ? "" : "/");
	}
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
meet_lock(struct meet *m, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	*m = (struct meet){.path = path, .listener = -1};
	if (!*base || strlen(base) > NAME_MAX)
		die("%s: not the name of a socket", path);
	strcpy(m->base, base);
	m->dir = open_dir(path);
	if (m->dir < 0)
		die_sys("%s", path);
	while (flock(m->dir, LOCK_EX) < 0)
		if (errno != EINTR)
			die_sys("%s: its directory's lock", path);
}

void
meet_unlock(struct meet *m)
{
	flock(m->dir, LOCK_UN);
}

int
meet_connect(struct meet *m)
{
	int fd = fd_connect_unix(m->path);

	if (fd < 0 && errno != ENOENT && errno != ECONNREFUSED)
		die_sys("%s", m->path);
	return fd;
}

static void
remove_all(void)
{
	for (; served; served = served->next)
		meet_remove(served);
}

void
meet_serve(struct meet *m)
{
	struct stat st;

	if (!served && atexit(remove_all))
		die("%s: out of memory", m->path);
	m->listener = fd_listen_unix(m->path);
	if (m->listener < 0)
		die_sys("%s", m->path);
	if (fstatat(m->dir, m->base, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		error("%s: %s", m->path, strerror(errno));
		unlinkat(m->dir, m->base, 0);
		exit(diag_exit);
	}
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	m->next = served;
	served = m;
}

void
meet_disown(void)
{
	served = NULL;
}

void
meet_own(struct meet *m)
{
	int fd = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die_sys("%s", m->path);
	close(m->dir);
	m->dir = fd;
}

void
meet_remove(const struct meet *m)
{
	struct stat st;

	if (!fstatat(m->dir, m->base, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == m->dev && st.st_ino == m->ino)
		unlinkat(m->dir, m->base, 0);
}

bool
meet_leave(struct meet *m)
{
	struct pollfd p = {.fd = m->listener, .events = POLLIN};

	if (flock(m->dir, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (!poll(&p, 1, 0)) {
		meet_remove(m);
		return true; /* the lock goes with the process */
	}
	flock(m->dir, LOCK_UN);
	return false;
}
