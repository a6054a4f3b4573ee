/* SPDX-License-Identifier: ISC */
/*
 * vm-img commit: what an image holds goes into one below it. The image on top stays as it is until all of that is on stable
 * storage, so at any cut its disk reads as before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/progress.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/copy.h"
#include "vm-img/path.h"
#include "vm-img/seals.h"
#include "vm-img/size.h"

#define SPARSE 4096

struct commit {
	const char *file, *base_name;
	bool keep;	    /* the image on top is not emptied */
	uint64_t rate;
	unsigned threads;
	struct image *top, *base; /* base is in top's chain */
	struct progress progress;
	uint64_t done, total; /* of the layers before this one, and of all */
};

static void
parse(struct commit *c, struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_END};
	int opt;

	options_init(o, argv[0]);
	while ((opt = options_next(o, argc, argv, ":f:t:b:dpqr:", longs, "")) != -1)
		switch (opt) {
		case 'b': c->base_name = optarg; break;
		case 'd': c->keep = true; break;
		case 'r': c->rate = image_size_word("-r", optarg, 1, INT64_MAX); break;
		}
	c->file = options_operand(argc, argv, "image");
	c->threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	/* What lies between would no longer fit what is below it: so it is not said to be the top's content. */
	c->keep |= c->base_name != NULL;
}

/* Is the image below `above` the one that -b means? By the name that it is recorded by, or as a file. */
static bool
is_base(const struct commit *c, const struct image *above)
{
	char *path;
	bool is;

	if (!c->base_name)
		return true;
	path = chain_path(above, above->backing_name);
	is = !strcmp(c->base_name, above->backing_name) || path_same(c->base_name, path);
	free(path);
	return is;
}

/* Opens the chain, with the base for writing. False after an error message. */
static bool
open_chain(struct commit *c, const struct opening *how)
{
	struct image *lowest = c->top;
	int more = 1;

	while (more > 0 && lowest) {
		bool base = !c->base && lowest->backing_name && is_base(c, lowest);

		more = chain_extend(c->top, how, base ? IMAGE_WRITE | (how->flags & IMAGE_UNSAFE) : 0);
		if (more > 0)
			lowest = lowest->backing;
		if (more > 0 && base)
			c->base = lowest;
	}
	if (!more && !c->base)
		error("%s: %s%s", c->file, c->base_name ? "not in its backing chain: " : "Image does not have a backing file",
		    c->base_name ? c->base_name : "");
	return !more && c->base;
}

static void
progress(void *user, uint64_t done, uint64_t total)
{
	struct commit *c = user;

	(void)total;
	progress_set(&c->progress, c->done + done, c->total);
}

/* The lowest layer between the one `above` (not included) and the base; NULL at the end. */
static struct image *
next_up(const struct commit *c, const struct image *done)
{
	struct image *i = c->top;

	if (done == c->top)
		return NULL;
	while (i->backing != done)
		i = i->backing;
	return i;
}

/* What one layer holds. Where it is shorter than the one on it, that sees zeroes past its end, not what the base has. */
static const char *
copy_layer(struct commit *c, struct image *layer, const struct image *above, struct why *w)
{
	struct copy copy = {
		.sources = &layer,
		.n = 1,
		.target = c->base,
		.sparse = SPARSE,
		.top_only = true,
		.backing_size = UINT64_MAX,
		.threads = c->threads,
		.rate = c->rate,
		.progress = progress,
		.user = c,
	};
	const char *no;
	int err = 0;

	copy_size(&copy);
	no = copy_run(&copy, w);
	c->done += layer->size;
	if (!no && above && above->size > layer->size && c->base->size > layer->size)
		err = image_zero(c->base, layer->size, c->base->size - layer->size, ZERO_UNMAP);
	return err ? why(w, "%s", strerror(-err)) : no;
}

static const char *
commit(struct commit *c, struct why *w)
{
	const char *no = NULL;
	int err;

	for (struct image *i = c->top; i != c->base; i = i->backing)
		c->total += i->size;
	if (c->base->size < c->top->size) {
		if (!c->base->format->resize)
			return why(w, "%s is too short, and images of format %s are not resized here", c->base->file->name,
			    c->base->format->name);
		no = c->base->format->resize(c->base, c->top->size, NULL, w);
	}
	for (struct image *i = next_up(c, c->base); i && !no; i = next_up(c, i))
		no = copy_layer(c, i, next_up(c, i), w);
	if (no)
		return no;
	err = image_flush(c->base);
	if (!err && !c->keep)
		err = c->top->format->make_empty(c->top);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

int
cmd_commit(int argc, char **argv)
{
	struct commit c = {.file = NULL};
	struct opening how;
	struct options o;
	const char *no;
	struct why w;

	parse(&c, &o, argc, argv);
	opening_init(&how, &o, c.file, o.format, c.keep ? 0 : IMAGE_WRITE);
	how.alone = true;
	seals_open(SEALS_CHANGE);
	c.top = chain_open(&how);
	if (!c.top || !open_chain(&c, &how)) {
		image_close(c.top);
		return 1;
	}
	seals_work();
	if (!c.keep && !c.top->format->make_empty)
		die("%s: images of format %s are not emptied here: -d leaves it as it is", c.file, c.top->format->name);
	progress_begin(&c.progress, o.progress, false, stdout);
	no = commit(&c, &w);
	chain_finish(c.top, c.file, no);
	progress_end(&c.progress, c.total);
	if (!o.quiet)
		puts("Image committed.");
	return 0;
}
