/* SPDX-License-Identifier: ISC */
/* Where a conversion goes: a new image, or one that is there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/convert.h"
#include "vm-img/formats.h"
#include "vm-img/keep.h"
#include "vm-img/path.h"

static _Noreturn void
refuse(const struct convert *v, struct target *t, const char *no)
{
	target_abandon(t);
	die("%s: error while converting %s: %s", v->output, v->format->name, no);
}

/* -n: what is there has to be long enough, and is made zero, as far as that costs nothing. */
static void
open_old(struct convert *v, struct target *t)
{
	struct opening how;
	struct options o = v->options;

	o.image_opts = o.target_image_opts;
	o.format = o.image_opts ? NULL : v->options.target_format ? v->options.target_format : "raw";
	o.share = false;
	opening_init(&how, &o, v->output, o.format, IMAGE_WRITE);
	t->image = chain_open(&how);
	if (!t->image)
		die("%s: no target", v->output);
	v->format = t->image->format;
	if (v->copy.pack && !v->format->write_packed)
		refuse(v, t, "Compression not supported for this file format");
	if (t->image->size < v->copy.size) {
		target_abandon(t);
		die("output file is smaller than input file");
	}
	if (!v->copy.zeroed && !v->backing && !t->image->file->block_device)
		v->copy.zeroed = !image_zero(t->image, 0, v->copy.size, ZERO_UNMAP);
}

/* The backing image, opened with all that is below it: so a chain that is broken is not added to. */
static struct image *
open_backing(const struct convert *v)
{
	char *beside = path_beside(v->output, v->backing);
	struct opening how = {.path = keep_string(beside), .format = v->backing_format, .flags = IMAGE_INFO, .share = v->options.share};
	struct image *i = chain_open(&how);

	free(beside);
	if (!i)
		die("%s: no backing image, so none is made", v->output);
	return i;
}

static void
set_secret(struct image_create *make, const struct convert *v)
{
	const char *key = settings_text(&v->settings, "encrypt.key-secret");

	if (!key)
		key = settings_text(&v->settings, "key-secret");
	if (!key)
		return;
	make->secret = secret_find(&v->options.secrets, key)->bytes;
	make->secret_len = secret_find(&v->options.secrets, key)->len;
}

/* What has been made is opened anew, by what it was made with. */
static const char *
open_new(struct convert *v, struct target *t, const struct image_create *make, struct why *w)
{
	struct image_open open = {
		.file = make->file,
		.flags = IMAGE_WRITE | IMAGE_ONCE | (v->options.unsafe ? IMAGE_UNSAFE : 0),
		.secret = make->secret,
		.secret_len = make->secret_len,
		.named = t->output ? output_named : NULL,
		.user = t->output,
	};

	t->image = image_open(v->format, &open, w);
	return t->image ? NULL : w->text;
}

static struct file *
no_beside(void *user, const char *name, struct why *w)
{
	(void)user;
	why(w, "%s: a stream has no files beside it", name);
	return NULL;
}

/* An empty file for the new image. */
static struct file *
new_file(struct convert *v, struct target *t, struct why *w)
{
	const char *path;

	if (stream_wanted(v))
		return stream_target(v, t, w);
	path = path_plain(v->output, w);
	t->output = path ? output_begin(path, w) : NULL;
	return t->output ? output_file(t->output, w) : NULL;
}

static void
make_new(struct convert *v, struct target *t)
{
	struct image_create make = {
		.size = v->copy.size,
		.backing_name = v->backing,
		.backing_format = v->backing_format,
		.settings = v->settings.list,
		.nsettings = v->settings.n,
	};
	struct why w;

	if (v->backing) {
		make.backing = open_backing(v);
		make.backing_size = v->copy.backing_size = make.backing->size;
	}
	set_secret(&make, v);
	make.file = new_file(v, t, &w);
	make.beside = t->output ? output_beside : no_beside;
	make.user = t->output;
	if (!make.file)
		refuse(v, t, w.text);
	if (v->format->create(&make, &w)) {
		file_close(make.file);
		refuse(v, t, w.text);
	}
	image_close(make.backing);
	v->copy.fresh = !make.file->block_device;
	if (open_new(v, t, &make, &w))
		refuse(v, t, w.text);
	v->copy.zeroed = v->copy.fresh && !v->backing;
}

void
target_open(struct convert *v, struct target *t)
{
	*t = (struct target){.stream = -1, .spool = -1};
	if (v->in_place)
		open_old(v, t);
	else
		make_new(v, t);
	if (v->bitmaps && t->image->format != &format_qcow2)
		refuse(v, t, "the format does not support bitmaps");
	v->copy.top_only = v->backing;
	v->copy.target = t->image;
}

const char *
target_fill(struct convert *v, struct target *t, struct why *w)
{
	return t->stream < 0 ? copy_run(&v->copy, w) : stream_fill(v, t, w);
}

static const char *
appear(const struct convert *v, struct target *t, struct why *w)
{
	const struct options *o = &v->options;
	struct output *output = t->output;

	t->output = NULL;
	return output_finish(output, !o->cache ? OUTPUT_DEFAULT : o->unsafe ? OUTPUT_UNSAFE : OUTPUT_SYNC, w);
}

const char *
target_finish(struct convert *v, struct target *t, struct why *w)
{
	const char *no = t->stream < 0 ? NULL : stream_end(v, t, w);
	int err = image_close(t->image);

	t->image = NULL;
	if (!no && err)
		no = why(w, "%s", strerror(-err));
	if (!no && t->output)
		no = appear(v, t, w);
	target_abandon(t);
	return no;
}

void
target_abandon(struct target *t)
{
	image_close(t->image);
	output_abandon(t->output);
	if (t->spool >= 0)
		close(t->spool);
	if (t->stream > 2)
		close(t->stream);
	*t = (struct target){.stream = -1, .spool = -1};
}
