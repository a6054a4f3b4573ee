/* SPDX-License-Identifier: ISC */
/* New files by rename; the contracts are in output.h. Where they go, and what was there, is output_place.c's. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "vm-img/output.h"
#include "vm-img/output_place.h"

struct output {
	struct place place;
	int fd;			/* the new file, or what is written in place */
	bool appeared;		/* the new file has its name */
	char temp[NAME_MAX + 1]; /* its name in the directory, if it has one */
	const char *path, *word; /* for messages; what output_named is asked for */
	char *own;		/* the memory of both, of one made by output_beside */
	struct file *file;	/* of output_beside */
	struct output *beside;	/* others, that end before this one */
	struct output *next;	/* in `pending` */
};

/* Those whose temporary file has a name; read by a signal's handler. */
static struct output *pending;

static void
sweep(void)
{
	for (struct output *o = pending; o; o = o->next)
		unlinkat(o->place.dir, o->temp, 0);
	pending = NULL;
}

static void
sweep_and_die(int sig)
{
	sweep();
	raise(sig); /* which is not caught any more */
}

static void
sweep_at_end(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ, SIGXCPU, SIGQUIT};
	static bool ready;
	struct sigaction sa = {.sa_handler = sweep_and_die, .sa_flags = (int)SA_RESETHAND}, old;

	if (ready)
		return;
	ready = true;
	atexit(sweep);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (!sigaction(ends[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &sa, NULL);
}

/* From now on, until settled(), the temporary name is taken away when the process ends. */
static void
name_it(struct output *o, unsigned attempt)
{
	/* The suffix stays whole where the name is cut. */
	snprintf(o->temp, sizeof(o->temp), ".%.200s.vm-img-%ld", o->place.name, (long)getpid() + (long)attempt * 10000000);
	sweep_at_end();
	o->next = pending;
	pending = o;
}

static void
settled(struct output *o)
{
	struct output **at = &pending;

	while (*at && *at != o)
		at = &(*at)->next;
	if (*at)
		*at = o->next;
	o->temp[0] = '\0';
}

/* Names of their own until one is free: `make` says -EEXIST where it is not. */
static int
with_name(struct output *o, int (*make)(struct output *o))
{
	int err = -EEXIST;

	for (unsigned attempt = 0; attempt < 100 && err == -EEXIST; attempt++) {
		name_it(o, attempt);
		err = make(o);
		if (err)
			settled(o);
	}
	return err;
}

static int
make_temp(struct output *o)
{
	o->fd = openat(o->place.dir, o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return o->fd < 0 ? -errno : 0;
}

static int
link_as(struct output *o, const char *name)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	return linkat(AT_FDCWD, self, o->place.dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int
link_temp(struct output *o)
{
	return link_as(o, o->temp);
}

/* A file without a name where the file system has such, and /proc to give it one. */
static int
make_file(struct output *o)
{
	o->fd = access("/proc/self/fd", X_OK) < 0 ? -1 : openat(o->place.dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0644);
	return o->fd < 0 ? with_name(o, make_temp) : 0;
}

static const char *
begin(struct output *o, struct why *w)
{
	const char *no = place_find(&o->place, o->path, w);
	int err;

	if (no)
		return no;
	err = o->place.in_place ? -EACCES : make_file(o);
	if (!err) {
		place_copy_mode(&o->place, o->fd);
		return NULL;
	}
	if (o->place.old < 0)
		return why(w, "%s", strerror(-err));
	if (!o->place.in_place && err != -EACCES && err != -EPERM && err != -EROFS)
		return why(w, "%s", strerror(-err));
	o->place.in_place = true;
	o->fd = fcntl(o->place.old, F_DUPFD_CLOEXEC, 0);
	if (o->fd < 0)
		return why(w, "%s", strerror(errno));
	return place_empty(&o->place, w);
}

struct output *
output_begin(const char *path, struct why *w)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	o->path = path;
	o->fd = o->place.dir = o->place.old = -1;
	if (!begin(o, w))
		return o;
	output_abandon(o);
	return NULL;
}

struct file *
output_file(struct output *o, struct why *w)
{
	int fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
	struct file *f = NULL;

	if (fd < 0)
		why(w, "%s", strerror(errno));
	else
		f = file_open_fd(fd, o->path, w);
	if (!f && fd >= 0)
		close(fd);
	if (f)
		f->unsafe = !o->place.in_place; /* once, by finish() */
	return f;
}

/* DIR/NAME with the directory of path; *word is where name begins. NULL: out of memory. */
static char *
beside_path(const char *path, const char *name, const char **word)
{
	const char *slash = name[0] == '/' ? NULL : strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;
	char *both;

	if (asprintf(&both, "%.*s%s", dir, path, name) < 0)
		return NULL;
	*word = both + dir;
	return both;
}

struct file *
output_beside(void *output, const char *name, struct why *w)
{
	struct output *first = output, *o;
	const char *word;
	char *own = beside_path(first->path, name, &word);

	o = own ? output_begin(own, w) : NULL;
	if (!o) {
		if (!own)
			why(w, "%s", strerror(ENOMEM));
		free(own);
		return NULL;
	}
	o->own = own;
	o->word = word;
	o->file = output_file(o, w);
	o->beside = first->beside;
	first->beside = o;
	return o->file;
}

struct file *
output_named(void *output, const char *name, bool write, struct why *w)
{
	struct output *first = output;

	(void)write;
	for (struct output *o = first->beside; o; o = o->beside)
		if (!strcmp(o->word, name))
			return output_file(o, w);
	why(w, "%s: not a file of this image", name);
	return NULL;
}

bool
output_in_place(const struct output *o)
{
	return o->place.in_place;
}

/* The new file gets its name. It has none yet, and nothing there has it: one step. Else by way of a temporary one. */
static int
appear(struct output *o)
{
	int err;

	if (!o->temp[0]) {
		err = o->place.old < 0 ? link_as(o, o->place.name) : -EEXIST;
		if (err == -EEXIST)
			err = with_name(o, link_temp);
		if (err || !o->temp[0])
			return err;
	}
	if (renameat(o->place.dir, o->temp, o->place.dir, o->place.name) < 0)
		return -errno;
	settled(o);
	return 0;
}

static int
finish(struct output *o, enum output_sync sync)
{
	bool stable = sync == OUTPUT_SYNC || (sync == OUTPUT_DEFAULT && o->place.old >= 0 && !o->place.in_place);
	int err = stable && fsync(o->fd) < 0 ? -errno : 0;

	if (err || o->place.in_place)
		return err;
	err = appear(o);
	o->appeared = !err;
	if (!err && stable && fsync(o->place.dir) < 0 && errno != EINVAL)
		err = -errno;
	return err;
}

/* Half an image is none: what has appeared goes again, unless it has taken the place of an old file. */
static void
disappear(const struct output *o)
{
	for (; o; o = o->beside)
		if (o->appeared && o->place.old < 0)
			unlinkat(o->place.dir, o->place.name, 0);
}

const char *
output_finish(struct output *o, enum output_sync sync, struct why *w)
{
	const char *no = NULL;
	int err = 0;

	for (struct output *each = o->beside; each && !no; each = each->beside) {
		err = finish(each, sync);
		if (err)
			no = why(w, "%s: %s", each->word, strerror(-err));
	}
	if (!no) {
		err = finish(o, sync);
		if (err)
			no = why(w, "%s", strerror(-err));
	}
	if (no)
		disappear(o);
	output_abandon(o);
	return no;
}

void
output_abandon(struct output *o)
{
	struct output *next;

	for (; o; o = next) {
		next = o->beside;
		if (o->temp[0]) {
			unlinkat(o->place.dir, o->temp, 0);
			settled(o);
		}
		file_close(o->file);
		if (o->fd >= 0)
			close(o->fd);
		place_close(&o->place);
		free(o->own);
		free(o);
	}
}
