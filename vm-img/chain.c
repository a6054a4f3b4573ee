/* SPDX-License-Identifier: ISC */
/* The chain of images below one; the rules are in chain.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/formats.h"
#include "vm-img/path.h"
#include "vm-img/seals.h"

/* One layer, as it is to be opened. */
struct layer {
	const struct opening *how; /* of the whole chain */
	const struct opening *own; /* what the user says of this layer, or NULL */
	const char *path;
	const char *format; /* NULL: probed */
	unsigned flags;
	bool said; /* the format was: names within may be followed */
};

static struct path_how
manner(const struct layer *l, bool write)
{
	return (struct path_how){.write = write, .sync = l->how->sync, .share = l->how->share || (l->own && l->own->share)};
}

static struct file *
refuse_named(void *user, const char *name, bool write, struct why *w)
{
	(void)user, (void)write;
	why(w, "its format was guessed, so what it names is not opened (give -f, or --follow): %s", name);
	return NULL;
}

static struct file *
open_named(void *user, const char *name, bool write, struct why *w)
{
	const struct layer *l = user;
	struct path_how as = manner(l, write);
	char *path = path_beside(l->path, name);
	struct file *f = NULL;

	if (path_same(path, l->path))
		why(w, "it names itself: %s", name);
	else
		f = path_open(path, &as, w);
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
	struct path_how as = manner(l, l->flags & IMAGE_WRITE || (l->own == l->how && l->how->writable));
	struct file *f = path_open(l->path, &as, w);
	const struct format *format;
	struct image_open open = {
		.file = f,
		.flags = l->flags,
		.secret = l->own ? l->own->secret : NULL,
		.secret_len = l->own ? l->own->secret_len : 0,
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

/* Whether what is there is one of the chain already: it would be its own backing image. */
static bool
met(const struct image *top, const char *path)
{
	for (; top; top = top->backing)
		if (path_same(path, top->file->name))
			return true;
	return false;
}

/* Whether the next image below may be opened; NULL, or why not. */
static const char *
fault(const struct image *top, unsigned depth, const struct layer *l, struct why *w)
{
	if (depth == IMAGE_CHAIN_MAX)
		return why(w, "more than %d images in a chain", IMAGE_CHAIN_MAX);
	if (depth == 1 && !l->how->format && !l->how->follow)
		return why(w, "the image's format was guessed, so what it names is not opened: give -f %s, or --follow", top->format->name);
	if (!l->format && !l->how->follow)
		return why(w, "its format is not recorded: record it by rebase -u -b BACKING -F FORMAT");
	if (met(top, l->path))
		return why(w, "it is in this chain already, which would have no end");
	return NULL;
}

int
chain_extend(struct image *top, const struct opening *how, unsigned flags)
{
	struct layer l = {.how = how, .own = how->below, .flags = flags, .said = true};
	struct image *lowest = top;
	unsigned depth = 1;
	char *path;
	struct why w;

	for (; lowest->backing; depth++) {
		lowest = lowest->backing;
		l.own = l.own ? l.own->below : NULL;
	}
	if (l.own && l.own->path)
		path = path_beside("", l.own->path);
	else if (lowest->backing_name)
		path = chain_path(lowest, lowest->backing_name);
	else
		return 0;
	l.path = path;
	l.format = l.own && l.own->format ? l.own->format : lowest->backing_format;
	lowest->backing = fault(top, depth, &l, &w) ? NULL : open_layer(&l, &w);
	if (!lowest->backing)
		error("%s: backing image %s: %s", lowest->file->name, path, w.text);
	free(path);
	return lowest->backing ? 1 : -1;
}

struct image *
chain_open(const struct opening *how)
{
	struct layer l = {.how = how, .own = how, .path = how->path, .format = how->format, .flags = how->flags};
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
chain_finish(struct image *top, const char *name, const char *no)
{
	int err = image_close(top);

	if (no || err)
		die("%s: %s", name, no ? no : strerror(-err));
}

struct image *
chain_open_sealed(const struct opening *how)
{
	struct image *top;

	seals_open(how->flags & IMAGE_WRITE ? SEALS_CHANGE : SEALS_READ);
	top = chain_open(how);
	if (top)
		seals_work();
	return top;
}
