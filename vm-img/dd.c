/* SPDX-License-Identifier: ISC */
/* vm-img dd: blocks of a disk into a new image. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/copy.h"
#include "vm-img/formats.h"
#include "vm-img/output.h"
#include "vm-img/path.h"
#include "vm-img/seals.h"
#include "vm-img/size.h"

#define SPARSE 4096

struct dd {
	const char *in, *out;
	uint64_t bs, count, skip;
	bool counted;
	const struct format *format;
};

/* A part of another disk, as a disk. Its extents are that one's, which reads them by itself. */
struct part {
	struct image image; /* first */
	struct image *whole;
	uint64_t from;
};

static int
part_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	const struct part *p = (const struct part *)i;

	return image_map_chain(p->whole, p->from + off, len, e, NULL);
}

static const struct format part_format = {.name = "part", .map = part_map};

static void
take_operand(struct dd *d, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value++ - word) : 0;

	if (n == 2 && !strncmp(word, "if", 2))
		d->in = value;
	else if (n == 2 && !strncmp(word, "of", 2))
		d->out = value;
	else if (n == 2 && !strncmp(word, "bs", 2))
		d->bs = image_size_word("bs", value, 1, INT32_MAX);
	else if (n == 5 && !strncmp(word, "count", 5)) {
		d->count = image_size_word("count", value, 0, INT64_MAX);
		d->counted = true;
	} else if (n == 4 && !strncmp(word, "skip", 4))
		d->skip = image_size_word("skip", value, 0, INT64_MAX);
	else
		die("dd: %s: not if=, of=, bs=, count= or skip=", word);
}

static void
parse(struct dd *d, struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_SHARE, LONG_END};

	options_init(o, argv[0]);
	while (options_next(o, argc, argv, ":f:O:U", longs, "") != -1)
		;
	for (; optind < argc; optind++)
		take_operand(d, argv[optind]);
	if (!d->in || !d->out)
		die("dd: Must specify both input and output files");
	d->format = format_find(o->target_format ? o->target_format : "raw");
	if (!d->format || !d->format->create)
		die("%s: images of format %s are not made here", d->out, o->target_format);
}

/* The part that is copied: whole blocks, as many as there are or as are wished. */
static void
cut(const struct dd *d, struct image *whole, struct part *p)
{
	uint64_t bytes;

	*p = (struct part){.image = {.format = &part_format, .file = whole->file, .read_only = true}, .whole = whole};
	if (__builtin_mul_overflow(d->skip, d->bs, &p->from) || p->from > whole->size) {
		warn("%s: cannot skip to specified offset", d->in);
		p->from = whole->size;
	}
	p->image.size = whole->size - p->from;
	if (d->counted && !__builtin_mul_overflow(d->count, d->bs, &bytes))
		p->image.size = min_u64(p->image.size, bytes);
}

static const char *
copy(const struct dd *d, struct output *out, struct part *p, struct why *w)
{
	struct image_create make = {.file = output_file(out, w), .beside = output_beside, .user = out};
	struct image_open open = {.file = make.file, .flags = IMAGE_WRITE | IMAGE_UNSAFE, .named = output_named, .user = out};
	struct image *source = &p->image;
	struct copy c = {.sources = &source, .n = 1, .sparse = SPARSE, .zeroed = true, .fresh = true};
	const char *no;
	int err;

	if (!make.file)
		return w->text;
	make.size = copy_size(&c);
	c.zeroed = c.fresh = !output_in_place(out);
	c.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	no = d->format->create(&make, w);
	if (no) {
		file_close(make.file);
		return no;
	}
	c.target = image_open(d->format, &open, w);
	if (!c.target)
		return w->text;
	seals_work();
	no = copy_run(&c, w);
	err = image_close(c.target);
	return !no && err ? why(w, "%s", strerror(-err)) : no;
}

int
cmd_dd(int argc, char **argv)
{
	struct dd d = {.bs = 512};
	struct opening how;
	struct options o;
	struct image *in;
	struct output *out;
	struct part p;
	struct why w;

	parse(&d, &o, argc, argv);
	opening_init(&how, &o, d.in, o.format, 0);
	seals_open(SEALS_MAKE);
	in = chain_open(&how);
	if (!in)
		return 1;
	cut(&d, in, &p);
	out = path_plain(d.out, &w) ? output_begin(path_plain(d.out, &w), &w) : NULL;
	if (!out || copy(&d, out, &p, &w)) {
		output_abandon(out);
		die("%s: %s", d.out, w.text);
	}
	if (output_finish(out, OUTPUT_DEFAULT, &w))
		die("%s: %s", d.out, w.text);
	image_close(in);
	return 0;
}
