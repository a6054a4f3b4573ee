/* SPDX-License-Identifier: ISC */
/*
 * A conversion into a pipe. Raw bytes go there as they come. A qcow2 image is laid out first, in a file without a name that
 * gets no data; then it goes into the pipe with the data from their source. What has to be looked at before it has a place, as
 * compressed data has, is made whole in such a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm-img/convert.h"
#include "vm-img/formats.h"
#include "vm-img/spool.h"
#include "vm-img/stream.h"

bool
stream_wanted(const struct convert *v)
{
	struct stat st;

	if (v->in_place)
		return false;
	return !strcmp(v->output, "-") || (!stat(v->output, &st) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)));
}

/* Another file of the spool's bytes. */
static struct file *
spool_file(const struct target *t, const char *name, struct why *w)
{
	int fd = fcntl(t->spool, F_DUPFD_CLOEXEC, 0);
	struct file *f = fd < 0 ? NULL : file_open_fd(fd, name, w);

	if (fd < 0)
		why(w, "%s", strerror(errno));
	if (f)
		f->unsafe = true;
	else if (fd >= 0)
		close(fd);
	return f;
}

struct file *
stream_target(struct convert *v, struct target *t, struct why *w)
{
	const struct copy *c = &v->copy;
	struct file *f;

	t->stream = strcmp(v->output, "-") ? open(v->output, O_WRONLY | O_NOCTTY | O_CLOEXEC) : 1;
	if (t->stream < 0 || isatty(t->stream)) {
		why(w, "%s", t->stream < 0 ? strerror(errno) : "an image is not for a terminal");
		return NULL;
	}
	if (v->format == &format_raw) {
		f = stream_new(t->stream, v->output, NULL);
		if (!f)
			why(w, "%s", strerror(ENOMEM));
		return f;
	}
	t->spool = spool_new();
	t->in_passes = v->format == &format_qcow2 && !c->pack && !v->backing && !v->bitmaps;
	return spool_file(t, v->output, w);
}

/* The image in the spool, from there; NULL with the reason. */
static struct image *
open_layout(const struct convert *v, const struct target *t, struct why *w)
{
	struct image_open open = {.file = spool_file(t, v->output, w)};

	return open.file ? image_open(v->format, &open, w) : NULL;
}

static const char *
emit(struct convert *v, struct target *t, struct why *w)
{
	struct file *layout = spool_file(t, v->output, w);
	const char *no = w->text;
	int err;

	v->copy.pass = COPY_EMIT;
	v->copy.emit = layout ? stream_new(t->stream, v->output, layout) : NULL;
	if (layout && !v->copy.emit)
		no = why(w, "%s", strerror(ENOMEM));
	if (v->copy.emit) {
		no = copy_run(&v->copy, w);
		err = no ? 0 : stream_finish(v->copy.emit);
		if (err)
			no = why(w, "%s: %s", v->output, strerror(-err));
	}
	file_close(v->copy.emit);
	file_close(layout);
	return no;
}

const char *
stream_fill(struct convert *v, struct target *t, struct why *w)
{
	const char *no;
	int err;

	t->in_passes &= !t->image->encrypted;
	v->copy.pass = t->in_passes ? COPY_LAYOUT : COPY_ALL;
	no = copy_run(&v->copy, w);
	if (no || !t->in_passes)
		return no;
	err = image_close(t->image);
	t->image = NULL;
	if (err)
		return why(w, "%s", strerror(-err));
	v->copy.target = t->image = open_layout(v, t, w);
	return t->image ? emit(v, t, w) : w->text;
}

/* All of what was made in the spool. */
static const char *
pour(struct convert *v, struct target *t, struct why *w)
{
	struct file *spool = spool_file(t, v->output, w), *stream;
	int err = -ENOMEM;

	if (!spool)
		return w->text;
	stream = stream_new(t->stream, v->output, spool);
	if (stream)
		err = stream_finish(stream);
	file_close(stream);
	file_close(spool);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

const char *
stream_end(struct convert *v, struct target *t, struct why *w)
{
	int err;

	if (t->in_passes)
		return NULL;
	if (t->spool < 0) {
		err = stream_finish(t->image->file);
		return err ? why(w, "%s", strerror(-err)) : NULL;
	}
	err = image_close(t->image);
	t->image = NULL;
	return err ? why(w, "%s", strerror(-err)) : pour(v, t, w);
}
