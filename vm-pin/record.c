/* SPDX-License-Identifier: ISC */
/*
 * Records; the contracts are in record.h. A line "guest PID START", then for each thread "thread TID START CPUS CLASS", '-' where
 * nothing was changed, and "cpuset PATH CPUS"; all parted by tabs. Lines are added at the end and never changed, before what they
 * tell of is changed: whoever is killed in between leaves a record that undoes it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/dir.h"
#include "common/fd.h"
#include "common/num.h"
#include "vm-pin/record.h"

#define LIST_MAX (CPUS_MAX * 6) /* of the longest list of CPUs */
#define FILE_MAX (8 << 20)

static const char *
default_dir(void)
{
	static char path[96];
	const char *mine = getenv("XDG_RUNTIME_DIR");

	if (!geteuid())
		return "/run/vm/vm-pin";
	if (!mine || snprintf(path, sizeof(path), "%s/vm-pin", mine) >= (int)sizeof(path))
		die("no $XDG_RUNTIME_DIR for what undo needs to know: give -d");
	return path;
}

static bool
parse_class(struct sched *s, const char *text)
{
	*s = (struct sched){.size = sizeof(*s)};
	return sscanf(text, "%" SCNu32 ":%" SCNu64 ":%" SCNd32 ":%" SCNu32 ":%" SCNu64 ":%" SCNu64 ":%" SCNu64, &s->policy, &s->flags,
		   &s->nice, &s->priority, &s->runtime, &s->deadline, &s->period) == 7;
}

static bool
parse_thread(struct record *r, char *rest)
{
	char *word[4] = {strtok_r(rest, "\t", &rest)};
	struct change *v, *c;
	uint64_t tid;

	for (int i = 1; i < 4; i++)
		word[i] = word[i - 1] ? strtok_r(NULL, "\t", &rest) : NULL;
	v = reallocarray(r->old.v, r->old.n + 1, sizeof(*v));
	if (!v)
		die("no memory");
	r->old.v = v;
	c = &v[r->old.n];
	*c = (struct change){0};
	if (!word[3] || !num_parse(word[0], 1, INT32_MAX, &tid) || !num_parse(word[1], 0, UINT64_MAX, &c->start))
		return false;
	c->thread.tid = (pid_t)tid;
	c->moves = strcmp(word[2], "-");
	c->reclasses = strcmp(word[3], "-");
	if (!strcmp(word[2], "any"))
		memset(&c->cpus_before, 0xff, sizeof(c->cpus_before));
	else if (c->moves && !cpus_parse(&c->cpus_before, word[2]))
		return false;
	if (c->reclasses && !parse_class(&c->class_before, word[3]))
		return false;
	snprintf(c->thread.name, sizeof(c->thread.name), "thread %d", (int)tid);
	c->thread.kind = THREAD_MAIN;
	r->old.n++;
	return true;
}

static bool
parse_cpuset(struct record *r, char *rest)
{
	const char *path = strtok_r(rest, "\t", &rest), *cpus = path ? strtok_r(NULL, "\t", &rest) : NULL;

	if (!cpus || strlen(path) >= sizeof(r->cpuset.path) || strlen(cpus) >= sizeof(r->cpuset.before))
		return false;
	strcpy(r->cpuset.path, path);
	strcpy(r->cpuset.before, strcmp(cpus, "-") ? cpus : "");
	r->cpuset.set = true;
	return true;
}

bool
record_parse(struct record *r, char *text, pid_t *pid, uint64_t *start)
{
	char *lines, *line = strtok_r(text, "\n", &lines);
	unsigned long long began;
	int number;

	if (!line || sscanf(line, "guest\t%d\t%llu", &number, &began) != 2 || number <= 0)
		return false;
	*pid = number;
	*start = began;
	while ((line = strtok_r(NULL, "\n", &lines)))
		if (!strncmp(line, "thread\t", 7) ? !parse_thread(r, line + 7) :
						    strncmp(line, "cpuset\t", 7) || !parse_cpuset(r, line + 7))
			return false;
	return true;
}

/* Nobody else would. */
static void
drop_others(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	uint64_t pid;

	while (d && (e = readdir(d)))
		if (num_parse(e->d_name, 1, INT32_MAX, &pid) && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

/* Whoever held the lock before us may have deleted the file. */
static int
open_locked(const char *path, bool create)
{
	struct stat st;
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
		if (fd < 0)
			return -1;
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return fd_close_failed(fd);
		if (fstat(fd, &st) < 0 || st.st_nlink)
			return fd;
		close(fd);
	}
}

static void
load(struct record *r, const struct guest *g)
{
	struct stat st;
	uint64_t start;
	char *text;
	pid_t pid;

	if (fstat(r->fd, &st) < 0 || st.st_size > FILE_MAX)
		die("%s: not a record of vm-pin", r->path);
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		die("no memory");
	if (fd_read_all(r->fd, text, (size_t)st.st_size) != st.st_size)
		die_sys("%s", r->path);
	r->end = st.st_size;
	if (st.st_size && !record_parse(r, text, &pid, &start))
		die("%s: not a record of vm-pin", r->path);
	if (st.st_size && (pid != g->pid || start != guest_start(g))) {
		changes_free(&r->old);
		r->cpuset.set = false;
		r->end = 0;
	}
	r->kept = r->end;
	free(text);
}

bool
record_open(struct record *r, const char *dir, const struct guest *g, bool create)
{
	if (!dir)
		dir = default_dir();
	*r = (struct record){.fd = -1};
	if (snprintf(r->path, sizeof(r->path), "%s/%d", dir, (int)g->pid) >= (int)sizeof(r->path))
		die("-d %s: too long", dir);
	r->fd = open_locked(r->path, false);
	if (r->fd < 0 && errno == ENOENT && create) {
		dir_make(dir);
		drop_others(dir);
		r->fd = open_locked(r->path, true);
	}
	if (r->fd < 0 && errno == ENOENT && !create)
		return false;
	if (r->fd < 0)
		die_sys("%s", r->path);
	load(r, g);
	return true;
}

/* What was said of the thread already is how it was before; later states were our own. */
static void
say_thread(FILE *f, const struct record *r, const struct change *c)
{
	bool moves = c->moves, reclasses = c->reclasses;
	char list[LIST_MAX];

	for (size_t i = 0; i < r->old.n; i++) {
		const struct change *old = &r->old.v[i];

		if (old->thread.tid != c->thread.tid || old->start != c->start)
			continue;
		moves &= !old->moves;
		reclasses &= !old->reclasses;
	}
	if (!moves && !reclasses)
		return;
	fprintf(f, "thread\t%d\t%" PRIu64 "\t", (int)c->thread.tid, c->start);
	fputs(!moves ? "-" : cpus_any(&c->cpus_before) ? "any" : cpus_text(&c->cpus_before, list, sizeof(list)), f);
	if (reclasses) {
		const struct sched *s = &c->class_before;

		fprintf(f, "\t%" PRIu32 ":%" PRIu64 ":%" PRId32 ":%" PRIu32 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 "\n", s->policy, s->flags,
		    s->nice, s->priority, s->runtime, s->deadline, s->period);
	} else {
		fputs("\t-\n", f);
	}
}

void
record_add(struct record *r, const struct changes *c, size_t from, const struct cpuset *cpuset, const struct guest *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		die("no memory");
	if (!r->end)
		fprintf(f, "guest\t%d\t%" PRIu64 "\n", (int)g->pid, guest_start(g));
	for (size_t i = from; i < c->n; i++)
		say_thread(f, r, &c->v[i]);
	if (cpuset->set && !r->cpuset.set)
		fprintf(f, "cpuset\t%s\t%s\n", cpuset->path, *cpuset->before ? cpuset->before : "-");
	if (fclose(f))
		die("no memory");
	if (ftruncate(r->fd, r->end) < 0 || lseek(r->fd, r->end, SEEK_SET) < 0 || fd_write_all(r->fd, text, len) < 0)
		die_sys("%s", r->path);
	r->end += (off_t)len;
	r->cpuset.set |= cpuset->set;
	free(text);
}

void
record_cancel(struct record *r)
{
	if (!r->kept)
		record_delete(r);
	else if (ftruncate(r->fd, r->kept) < 0)
		warn_sys("%s", r->path);
}

void
record_delete(struct record *r)
{
	if (unlink(r->path) < 0 && errno != ENOENT)
		warn_sys("%s", r->path);
}

void
record_close(struct record *r)
{
	changes_free(&r->old);
	close(r->fd);
}
