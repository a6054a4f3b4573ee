/* SPDX-License-Identifier: ISC */
/* Where a conversion goes: a new image, or one that is there. */
#include <string.h>

#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/convert.h"
#include "vm-img/formats.h"
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
	char *path = path_beside(v->output, v->backing);
	struct opening how = {.path = path, .format = v->backing_format, .flags = IMAGE_INFO, .share = v->options.share};
	struct image *i = chain_open(&how);

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
		.flags = IMAGE_WRITE | (output_in_place(t->output) ? 0 : IMAGE_UNSAFE),
		.secret = make->secret,
		.secret_len = make->secret_len,
		.named = output_named,
		.user = t->output,
	};

	t->image = image_open(v->format, &open, w);
	return t->image ? NULL : w->text;
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
		.beside = output_beside,
	};
	struct why w;
	const char *path = path_plain(v->output, &w);

	if (v->backing) {
		make.backing = open_backing(v);
		make.backing_size = v->copy.backing_size = make.backing->size;
	}
	set_secret(&make, v);
	t->output = path ? output_begin(path, &w) : NULL;
	if (!t->output)
		refuse(v, t, w.text);
	make.user = t->output;
	make.file = output_file(t->output, &w);
	if (!make.file || v->format->create(&make, &w)) {
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
	*t = (struct target){.output = NULL};
	if (v->in_place)
		open_old(v, t);
	else
		make_new(v, t);
	v->copy.top_only = v->backing;
	v->copy.target = t->image;
}

const char *
target_finish(struct convert *v, struct target *t, struct why *w)
{
	const struct options *o = &v->options;
	int err = image_close(t->image);
	enum output_sync sync = !o->cache ? OUTPUT_DEFAULT : o->unsafe ? OUTPUT_UNSAFE : OUTPUT_SYNC;

	t->image = NULL;
	if (err)
		return why(w, "%s", strerror(-err));
	if (!t->output)
		return NULL;
	struct output *output = t->output;
	t->output = NULL;
	return output_finish(output, sync, w);
}

void
target_abandon(struct target *t)
{
	image_close(t->image);
	output_abandon(t->output);
	*t = (struct target){.output = NULL};
}
