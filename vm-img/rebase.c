/* SPDX-License-Identifier: ISC */
/*
 * vm-img rebase: an image on top of another one than before, its disk as it was. What the old chain below it has, and the new
 * one has not, is written into the image while it is on top of the old one, so at any cut its disk reads as before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/progress.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/path.h"
#include "vm-img/seals.h"

#define CHUNK (1 << 20)

struct rebase {
	const char *file, *backing, *backing_format;
	bool unsafe;	 /* -u: only the name is changed */
	struct image *top;
	struct image *old, *new; /* what is and will be below it, or NULL */
	unsigned common;	 /* the new one is this layer of the old chain, counted from its top; UINT_MAX: none of it */
	struct progress progress;
	uint8_t *have, *want; /* CHUNK */
};

static void
parse(struct rebase *r, struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_SHARE, LONG_END};
	int c;

	options_init(o, argv[0]);
	while ((c = options_next(o, argc, argv, ":f:t:T:b:F:upqU", longs, "")) != -1)
		switch (c) {
		case 'b': r->backing = optarg; break;
		case 'F': r->backing_format = optarg; break;
		case 'u': r->unsafe = true; break;
		}
	r->file = options_operand(argc, argv, "image");
	if (!r->backing && !r->unsafe)
		die("%s: Must specify backing file (-b, \"\" for none) or use unsafe mode (-u)", r->file);
	if (r->backing && !*r->backing)
		r->backing = NULL;
	if (r->backing && !r->backing_format)
		die("%s: the format of the backing image is not said: -F gives it", r->file);
	if (r->backing_format && !format_find(r->backing_format))
		die("%s: Invalid format name: '%s'", r->file, r->backing_format);
}

/* The new backing image, with the chain below it, as it would be opened by way of the image. */
static bool
open_new(struct rebase *r, const struct options *o)
{
	char *path = chain_path(r->top, r->backing);
	struct opening how;

	opening_init(&how, o, path, r->backing_format, 0);
	how.path = path;
	how.format = r->backing_format;
	r->new = path_same(path, r->file) ? NULL : chain_open(&how);
	if (!r->new && path_same(path, r->file))
		error("%s: would be its own backing image", r->file);
	r->common = 0;
	for (struct image *i = r->old; i && r->new && !path_same(i->file->name, path); i = i->backing)
		r->common++;
	free(path);
	return r->new;
}

static bool
blank(const struct extent *e)
{
	return e->kind == EXTENT_HOLE || e->kind == EXTENT_ZERO;
}

/* What a chain has at off, for at most *len bytes, which may become less: zeroes past its end. */
static int
look(struct image *i, uint64_t off, uint64_t *len, struct extent *e, unsigned *depth)
{
	int err = 0;

	*depth = 0;
	*e = (struct extent){.kind = EXTENT_ZERO, .len = *len};
	if (i && off < i->size)
		err = image_map_chain(i, off, min_u64(*len, i->size - off), e, depth);
	*len = e->len;
	return err;
}

static int
load(struct image *i, const struct extent *e, uint8_t *buf, size_t len, uint64_t off)
{
	if (!blank(e))
		return image_read(i, buf, len, off);
	memset(buf, 0, len);
	return 0;
}

/* Sectors that the new chain has otherwise are written into the image, in runs. */
static int
write_differing(struct rebase *r, uint64_t off, size_t len)
{
	size_t unit = r->top->cluster_size ? r->top->cluster_size : 4096, at, n, run;
	int err = 0;

	for (at = 0; at < len && !err; at += run) {
		bool differ = false;

		for (run = 0; at + run < len; run += n) {
			n = min_u64(unit - (off + at + run) % unit, len - at - run);
			bool d = memcmp(r->have + at + run, r->want + at + run, n);

			if (run && d != differ)
				break;
			differ = d;
		}
		if (differ)
			err = image_write(r->top, r->have + at, run, off + at);
	}
	return err;
}

/* [off, off + len) of the disk is not the image's own, nor all of it the same in both chains for sure. */
static int
keep_content(struct rebase *r, uint64_t off, uint64_t len, const struct extent *old, const struct extent *new)
{
	int err = blank(old) ? image_zero(r->top, off, len, 0) : -ENOTSUP;

	if (err != -ENOTSUP)
		return err;
	err = 0;
	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, CHUNK);
		err = load(r->old, old, r->have, n, off);
		if (!err)
			err = load(r->new, new, r->want, n, off);
		if (!err)
			err = write_differing(r, off, n);
	}
	return err;
}

static const char *
rebase(struct rebase *r, struct why *w)
{
	struct image *top = r->top;
	uint64_t len;
	int err = 0;

	for (uint64_t off = 0; off < top->size && !err; off += len) {
		struct extent own, old, new;
		unsigned depth, unused;

		progress_set(&r->progress, off, top->size);
		len = top->size - off;
		err = image_map(top, off, len, &own);
		len = own.len;
		if (err || own.kind != EXTENT_HOLE)
			continue;
		err = look(r->old, off, &len, &old, &depth);
		if (!err)
			err = look(r->new, off, &len, &new, &unused);
		if (err || (blank(&old) && blank(&new)))
			continue;
		/* What comes from an image that both chains end with is the same in both. */
		if (!r->new || depth < r->common)
			err = keep_content(r, off, len, &old, &new);
	}
	if (!err)
		err = image_flush(top);
	return err ? why(w, "%s", top->fault.text[0] ? top->fault.text : strerror(-err)) : NULL;
}

static const char *
run(struct rebase *r, struct why *w)
{
	const char *no = NULL;

	if (!r->top->format->set_backing)
		return why(w, "images of format %s have no backing image", r->top->format->name);
	if (!r->unsafe) {
		r->have = malloc(CHUNK);
		r->want = malloc(CHUNK);
		no = r->have && r->want ? rebase(r, w) : why(w, "out of memory");
		free(r->have);
		free(r->want);
	}
	return no ? no : r->top->format->set_backing(r->top, r->backing, r->backing ? r->backing_format : NULL, w);
}

int
cmd_rebase(int argc, char **argv)
{
	struct rebase r = {.file = NULL};
	struct opening how;
	struct options o;
	const char *no;
	struct why w;

	parse(&r, &o, argc, argv);
	opening_init(&how, &o, r.file, o.format, IMAGE_WRITE);
	how.alone = r.unsafe;
	seals_open(SEALS_CHANGE);
	r.top = chain_open(&how);
	if (!r.top)
		return 1;
	r.old = r.top->backing;
	if (!r.unsafe && r.backing && !open_new(&r, &o)) {
		image_close(r.top);
		return 1;
	}
	seals_work();
	progress_begin(&r.progress, o.progress, false, stdout);
	no = run(&r, &w);
	image_close(r.new);
	chain_finish(r.top, r.file, no);
	progress_end(&r.progress, 1);
	return 0;
}
