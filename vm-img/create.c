/* SPDX-License-Identifier: ISC */
/* vm-img create: an empty image, or one on top of another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/keep.h"
#include "vm-img/output.h"
#include "vm-img/path.h"
#include "vm-img/seals.h"
#include "vm-img/settings.h"
#include "vm-img/size.h"

struct wish {
	const char *file, *size;
	const char *backing, *backing_format;
	bool unchecked; /* -u: the backing image is not looked at */
	const struct format *format;
	struct settings settings;
};

static void
parse(struct wish *wish, struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_OBJECT, LONG_END};
	const char *format;
	int c;

	while ((c = options_next(o, argc, argv, ":qf:b:F:uo:", longs, "")) != -1)
		switch (c) {
		case 'b': wish->backing = optarg; break;
		case 'F': wish->backing_format = optarg; break;
		case 'u': wish->unchecked = true; break;
		}
	wish->file = optind < argc ? argv[optind++] : "";
	format = o->format ? o->format : "raw";
	wish->format = format_find(format);
	if (!wish->format)
		die("%s: Unknown file format '%s'", wish->file, format);
	if (!wish->format->create)
		die("%s: images of format %s are only read here", wish->file, format);
	settings_parse(&wish->settings, o, wish->format->options, "Supported options:", wish->file);
	if (!*wish->file)
		die("create: no image is named (try %s create --help)", diag_prog);
	wish->size = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		die("create: %s: one word too many (try %s create --help)", argv[optind], diag_prog);
}

/* An option can be said in two ways, but once. */
static void
say_once(const char **word, const char *text, const char *file, const char *what)
{
	if (*word && text)
		die("%s: %s is said twice", file, what);
	if (text)
		*word = text;
}

static void
combine(struct wish *wish)
{
	say_once(&wish->size, settings_text(&wish->settings, "size"), wish->file, "the size");
	say_once(&wish->backing, settings_text(&wish->settings, "backing_file"), wish->file, "the backing image");
	say_once(&wish->backing_format, settings_text(&wish->settings, "backing_fmt"), wish->file, "the backing image's format");
	if (wish->backing && !wish->backing_format)
		die("%s: the format of the backing image is not said: -F gives it", wish->file);
	if (wish->backing_format && !wish->backing)
		die("%s: the format of a backing image is said, but none is: -b gives it", wish->file);
	if (wish->backing_format && !format_find(wish->backing_format))
		die("%s: Unknown backing file format '%s'", wish->file, wish->backing_format);
	if (!wish->size && (wish->unchecked || !wish->backing))
		die("%s: Image creation needs a size parameter", wish->file);
}

/* The backing image, opened with all that is below it: so a chain that is broken is not added to. */
static struct image *
open_backing(const struct wish *wish, const struct options *o)
{
	char *beside = path_beside(wish->file, wish->backing), *path = keep_string(beside); /* the image's name, as long as it is open */
	struct opening how;
	struct image *i;

	free(beside);
	opening_init(&how, o, path, wish->backing_format, IMAGE_INFO);
	seals_open(SEALS_MAKE);
	i = chain_open(&how);
	if (!i)
		die("%s: no backing image, so none is made (-u does not look)", wish->file);
	if (path_same(wish->file, path))
		die("%s: would be its own backing image", wish->file);
	return i;
}

/* What the format's own code is to make; the texts stay the wish's. */
static void
fill(struct image_create *make, struct wish *wish, const struct options *o)
{
	const char *key = settings_text(&wish->settings, "encrypt.key-secret");

	*make = (struct image_create){
		.backing_name = wish->backing,
		.backing_format = wish->backing_format,
		.settings = wish->settings.list,
		.nsettings = wish->settings.n,
		.beside = output_beside,
	};
	if (wish->backing && !wish->unchecked) {
		make->backing = open_backing(wish, o);
		make->backing_size = make->backing->size;
	}
	make->size = wish->size ? image_size_word(wish->file, wish->size, 0, IMAGE_SIZE_MAX) : make->backing_size;
	make->size = align_up(make->size, 512);
	if (key) {
		const struct secret *secret = secret_find(&o->secrets, key);

		make->secret = secret->bytes;
		make->secret_len = secret->len;
	}
}

static void
announce(const struct wish *wish, uint64_t size)
{
	printf("Formatting '%s', fmt=%s size=%" PRIu64, wish->file, wish->format->name, size);
	if (wish->backing)
		printf(" backing_file=%s backing_fmt=%s", wish->backing, wish->backing_format);
	for (size_t i = 0; i < wish->settings.n; i++)
		printf(" %s=%s", wish->settings.list[i].option->name, wish->settings.list[i].text);
	putchar('\n');
}

int
cmd_create(int argc, char **argv)
{
	struct wish wish = {.file = NULL};
	struct image_create make;
	struct output *out;
	struct options o;
	struct why w;

	options_init(&o, argv[0]);
	parse(&wish, &o, argc, argv);
	combine(&wish);
	fill(&make, &wish, &o);
	out = path_plain(wish.file, &w) ? output_begin(path_plain(wish.file, &w), &w) : NULL;
	make.user = out;
	make.file = out ? output_file(out, &w) : NULL;
	if (!make.file || wish.format->create(&make, &w)) {
		output_abandon(out);
		die("%s: %s", wish.file, w.text);
	}
	file_close(make.file);
	image_close(make.backing);
	if (output_finish(out, OUTPUT_DEFAULT, &w))
		die("%s: %s", wish.file, w.text);
	if (!o.quiet)
		announce(&wish, make.size);
	return 0;
}
