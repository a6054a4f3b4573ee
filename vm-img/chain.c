/* SPDX-License-Identifier: ISC */
/* The chain of images below one; the rules are in chain.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/formats.h"
#include "vm-img/path.h"

/* One layer, in the words of who opens it. */
struct layer {
	const struct opening *how;
	const char *path;
	const char *format; /* NULL: probed */
	unsigned flags;
	bool said; /* the format was: names within may be followed */
};

static struct file *
refuse_named(void *user, const char *name, bool write, struct why *w)
{
	(void)user, (void)write;
	why(w, "its format was guessed, so %s, which it names, is not opened: give -f, or --follow", name);
	return NULL;
}

static struct file *
open_named(void *user, const char *name, bool write, struct why *w)
{
	const struct layer *l = user;
	char *path = path_beside(l->path, name);
	struct file *f = path_open(path, &(struct path_how){.write = write, .sync = l->how->sync, .share = l->how->share}, w);
	struct why inner = *w;

	if (!f)
		why(w, "%s: %s", path, inner.text);
	free(path);
	return f;
}

static const struct format *
format_of(const struct layer *l, struct file *f, struct why *w)
{
	const struct format *format;

	if (!l->format)
		return format_probe(f, w);
	format = format_find(l->format);
	if (!format)
		why(w, "Unknown driver '%s'", l->format);
	return format;
}

static struct image *
open_layer(const struct layer *l, struct why *w)
{
	struct path_how as = {.write = l->flags & IMAGE_WRITE, .sync = l->how->sync, .share = l->how->share};
	struct file *f = path_open(l->path, &as, w);
	const struct format *format;
	struct image_open open = {
		.file = f,
		.flags = l->flags,
		.secret = l->how->secret,
		.secret_len = l->how->secret_len,
		.named = l->said ? open_named : refuse_named,
		.user = (void *)(uintptr_t)l,
	};

	if (!f)
		return NULL;
	format = format_of(l, f, w);
	if (!format) {
		file_close(f);
		return NULL;
	}
	return image_open(format, &open, w);
}

char *
chain_path(const struct image *i, const char *name)
{
	return path_beside(i->file->name, name);
}

/* Whether this is one of the chain already: it would be its own backing image. */
static bool
met(const struct image *top, const struct image *end, const struct image *i)
{
	struct stat a, b;

	if (fstat(i->file->fd, &a) < 0)
		return false;
	for (; top != end; top = top->backing)
		if (fstat(top->file->fd, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_rdev == b.st_rdev)
			return true;
	return false;
}

/* Whether the lowest image's backing image may be opened; NULL, or why not. */
static const char *
fault(const struct image *lowest, bool said, unsigned depth, const struct opening *how, struct why *w)
{
	if (depth == IMAGE_CHAIN_MAX)
		return why(w, "more than %d images in a chain", IMAGE_CHAIN_MAX);
	if (!said && !how->follow)
		return why(w, "its format was guessed, so %s, its backing image, is not opened: give -f %s, or --follow",
		    lowest->backing_name, lowest->format->name);
	if (!lowest->backing_format && !how->follow)
		return why(w, "the format of %s, its backing image, is not recorded: record it by rebase -u -b %s -F FORMAT",
		    lowest->backing_name, lowest->backing_name);
	return NULL;
}

int
chain_extend(struct image *top, const struct opening *how, unsigned flags)
{
	struct image *lowest = top;
	unsigned depth = 1;
	struct layer l = {.how = how, .flags = flags, .said = true};
	struct why w;

	for (; lowest->backing; depth++)
		lowest = lowest->backing;
	if (!lowest->backing_name)
		return 0;
	if (fault(lowest, depth > 1 || how->format, depth, how, &w)) {
		error("%s: %s", lowest->file->name, w.text);
		return -1;
	}
	char *path = chain_path(lowest, lowest->backing_name);
	l.path = path;
	l.format = lowest->backing_format;
	lowest->backing = open_layer(&l, &w);
	if (lowest->backing && met(top, lowest->backing, lowest->backing)) {
		image_close(lowest->backing);
		lowest->backing = NULL;
		why(&w, "already in this chain, which would have no end");
	}
	if (!lowest->backing)
		error("%s: backing image %s: %s", lowest->file->name, path, w.text);
	free(path);
	return lowest->backing ? 1 : -1;
}

struct image *
chain_open(const struct opening *how)
{
	struct layer l = {.how = how, .path = how->path, .format = how->format, .flags = how->flags};
	struct image *top;
	struct why w;
	int more = 1;

	l.said = how->format || how->follow;
	top = open_layer(&l, &w);
	if (!top)
		error("Could not open '%s': %s", how->path, w.text);
	while (top && !how->alone && more > 0)
		more = chain_extend(top, how, how->flags & ~IMAGE_WRITE);
	if (more < 0) {
		image_close(top);
		return NULL;
	}
	return top;
}

void
opening_init(struct opening *how, const struct options *o, const char *word, const char *format, unsigned flags)
{
	*how = (struct opening){.path = word, .format = format, .flags = flags, .share = o->share, .follow = o->follow, .sync = o->sync};
	if (o->share && flags & IMAGE_WRITE)
		die("-U: only for reading");
	if (o->unsafe && flags & IMAGE_WRITE)
		how->flags |= IMAGE_UNSAFE;
}
