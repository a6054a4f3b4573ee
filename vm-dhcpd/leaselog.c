/* SPDX-License-Identifier: ISC */
/* The lease log on the disk; the contracts, and why it is safe, are in leaselog.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-dhcpd/leaselog.h"

#define CHUNK 65536
#define LONG_ENOUGH (256 << 10) /* bytes more than twice what is needed */

struct reading {
	record_handler *fn;
	void *arg;
	off_t good;	   /* behind the last good line */
	size_t line, bad;  /* counted from 1; the first bad one, 0: none */
	size_t bads;
	bool complete;	   /* its last line is RECORD_END */
};

static void
take_line(struct reading *r, const char *p, size_t len)
{
	struct record record;

	r->line++;
	if (!record_parse(&record, p, len)) {
		r->bads++;
		if (!r->bad)
			r->bad = r->line;
		return;
	}
	r->complete = record.what == RECORD_END;
	if (r->fn && !r->complete)
		r->fn(r->arg, &record);
}

/* Every line that ends. -errno, or 0. */
static int
read_lines(int fd, struct reading *r)
{
	char buf[8192], *newline;
	size_t have = 0;
	ssize_t n;

	while ((n = pread(fd, buf + have, sizeof(buf) - have, r->good + (off_t)have)) > 0) {
		char *p = buf;

		have += (size_t)n;
		for (; (newline = memchr(p, '\n', have - (size_t)(p - buf))); p = newline + 1)
			take_line(r, p, (size_t)(newline - p));
		/* A line that never ends is none: its bytes count as one and are passed over. */
		if (p == buf && have == sizeof(buf)) {
			take_line(r, p, have);
			p += have;
		}
		r->good += p - buf;
		have -= (size_t)(p - buf);
		memmove(buf, p, have);
	}
	return n < 0 ? -errno : 0;
}

static int
open_in(int dir, const char *file, const char *suffix, int flags)
{
	char name[NAME_MAX + 1];

	if ((size_t)snprintf(name, sizeof(name), "%s%s", file, suffix) >= sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
}

/* Whether a copy is whole: then it is the log, and what stands in the log itself may be half of it. */
static bool
is_complete(int copy)
{
	struct reading r = {0};

	return copy >= 0 && !read_lines(copy, &r) && r.complete && !r.bads;
}

/* When it was last changed; never the same twice. */
static struct timespec
changed(int fd)
{
	struct stat st = {0};

	if (fd >= 0)
		(void)fstat(fd, &st);
	return st.st_mtim;
}

int
leaselog_read(int dir, const char *file, record_handler *fn, void *arg)
{
	struct reading r = {.fn = fn, .arg = arg};
	int log = open_in(dir, file, "", O_RDONLY), copy = open_in(dir, file, "~", O_RDONLY);
	struct timespec before = changed(copy), after;
	int err = log < 0 ? -errno : read_lines(is_complete(copy) ? copy : log, &r);

	after = changed(copy);
	if (!err && (before.tv_sec != after.tv_sec || before.tv_nsec != after.tv_nsec))
		err = -EAGAIN;
	if (log >= 0)
		close(log);
	if (copy >= 0)
		close(copy);
	return err;
}

/* All of a buffer at a place of a file. */
static bool
write_at(int fd, const char *p, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static bool
cut_off(int fd, off_t at)
{
	return ftruncate(fd, at) == 0 && fdatasync(fd) == 0;
}

/* The log becomes what the copy, which is whole and on the disk, says; the copy is emptied when that is on the disk too. */
static bool
restore(struct leaselog *g)
{
	char buf[CHUNK];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(g->copy, buf, sizeof(buf), at)) > 0) {
		if (!write_at(g->fd, buf, (size_t)n, at))
			return false;
		at += n;
	}
	if (n < 0 || !cut_off(g->fd, at) || !cut_off(g->copy, 0))
		return false;
	g->end = g->compacted = at;
	g->half = false;
	return true;
}

static void
lock(int fd, const char *path)
{
	struct flock lock = {.l_type = F_WRLCK};

	if (!fcntl(fd, F_SETLK, &lock))
		return;
	if ((errno == EAGAIN || errno == EACCES) && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK)
		die("%s: process %d serves from it already", path, (int)lock.l_pid);
	die_sys("%s", path);
}

/* What could not be read is worth a look, later: the file as it was stays beside it. */
static void
keep_bad(struct leaselog *g, int dir, const char *file, const struct reading *r)
{
	char buf[4096];
	off_t at = 0;
	ssize_t n;
	int bad = open_in(dir, file, ".bad", O_WRONLY | O_CREAT | O_TRUNC);

	while (bad >= 0 && (n = pread(g->fd, buf, sizeof(buf), at)) > 0 && write_at(bad, buf, (size_t)n, at))
		at += n;
	if (bad >= 0)
		close(bad);
	warn("%s: line %zu is damaged, %zu of %zu lines are: the others count, and it is kept as %s.bad", g->path, r->bad, r->bads,
	    r->line, g->path);
	g->damaged = true;
}

static int
open_dir(const char *dir)
{
	int fd;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		die_sys("%s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die_sys("%s", dir);
	return fd;
}

void
leaselog_open(struct leaselog *g, const char *dir, const char *name, record_handler *fn, void *arg)
{
	char file[NAME_MAX + 1], *path;
	struct reading r = {.fn = fn, .arg = arg};
	int at = open_dir(dir);

	snprintf(file, sizeof(file), "%s.leases", name);
	if (asprintf(&path, "%s/%s", dir, file) < 0)
		die("out of memory");
	*g = (struct leaselog){.path = path, .fd = open_in(at, file, "", O_RDWR | O_CREAT), .copy = open_in(at, file, "~", O_RDWR | O_CREAT)};
	if (g->fd < 0 || g->copy < 0)
		die_sys("%s", path);
	lock(g->fd, path);
	/* The names themselves must survive too. */
	if (fsync(at) < 0)
		die_sys("%s", dir);
	if (is_complete(g->copy) && !restore(g))
		die_sys("%s", path);
	if (read_lines(g->fd, &r) < 0)
		die_sys("%s", path);
	if (r.bads)
		keep_bad(g, at, file, &r);
	g->end = r.good; /* what is cut off there is written over */
	close(at);
}

void
leaselog_add(struct leaselog *g, const struct record *r)
{
	if (g->fd < 0)
		return;
	if (g->room - g->len < RECORD_MAX) {
		g->room = g->room ? 2 * g->room : 8 * RECORD_MAX;
		g->buf = realloc(g->buf, g->room);
		if (!g->buf)
			die("out of memory");
	}
	g->len += record_format(r, g->buf + g->len);
}

/* A failure is said once, and that it is over. */
static bool
settled(struct leaselog *g, bool good)
{
	if (!good && !g->failing)
		warn_sys("%s: leases cannot be written, so none are given", g->path);
	if (good && g->failing)
		warn("%s: leases can be written again", g->path);
	g->failing = !good;
	return good;
}

bool
leaselog_commit(struct leaselog *g)
{
	bool good;

	if (!g->len)
		return true;
	good = (!g->half || restore(g)) && write_at(g->fd, g->buf, g->len, g->end) && fdatasync(g->fd) == 0;
	if (good)
		g->end += (off_t)g->len;
	else if (!g->half && ftruncate(g->fd, g->end) < 0)
		note(1, "%s: what was half written stays, and is overwritten", g->path);
	g->len = 0;
	return settled(g, good);
}

bool
leaselog_is_long(const struct leaselog *g)
{
	return g->fd >= 0 && !g->half && (g->damaged || g->end > 2 * g->compacted + LONG_ENOUGH);
}

void
leaselog_compact(struct leaselog *g, void (*each)(struct leaselog *g, void *arg), void *arg)
{
	const struct record end = {.what = RECORD_END};

	each(g, arg);
	leaselog_add(g, &end);
	g->half = ftruncate(g->copy, 0) == 0 && write_at(g->copy, g->buf, g->len, 0) && fdatasync(g->copy) == 0;
	/* A copy that is not whole counts for nothing; one that is, and not yet the log, is again tried by each commit. */
	if (!g->half || !restore(g))
		warn_sys("%s: it is not shortened", g->path);
	/* In any case not at every lease from here on. */
	g->compacted = g->end;
	g->damaged = false;
	free(g->buf);
	g->buf = NULL;
	g->len = g->room = 0;
}

void
leaselog_close(struct leaselog *g)
{
	if (g->fd < 0)
		return;
	close(g->fd);
	close(g->copy);
	free(g->buf);
	free(g->path);
	*g = (struct leaselog){.fd = -1, .copy = -1};
}
