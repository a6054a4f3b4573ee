/* SPDX-License-Identifier: ISC */
/* vm-img bitmap: persistent dirty bitmaps of a qcow2 image. What is asked for is done in the order in which it is. */
#include <string.h>

#include "common/diag.h"
#include "common/image/qcow2_bitmap.h"
#include "common/util.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/seals.h"
#include "vm-img/size.h"

#define ACTIONS_MAX 64

enum action { ADD = OPTION_OWN, REMOVE, CLEAR, ENABLE, DISABLE, MERGE };

struct wish {
	struct options options;
	struct {
		enum action what;
		const char *source; /* of MERGE */
	} actions[ACTIONS_MAX];
	size_t nactions;
	bool add, merge; /* is it among them? */
	uint64_t granularity;
	const char *from, *from_format, *file, *bitmap;
};

static void
take(struct wish *wish, int c)
{
	if (wish->nactions == ARRAY_LEN(wish->actions))
		die("bitmap: more than %d things to do", ACTIONS_MAX);
	wish->actions[wish->nactions].what = (enum action)c;
	wish->actions[wish->nactions++].source = optarg;
	wish->add |= c == ADD;
	wish->merge |= c == MERGE;
}

static void
parse(struct wish *wish, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"add", no_argument, NULL, ADD}, {"remove", no_argument, NULL, REMOVE}, {"clear", no_argument, NULL, CLEAR},
	    {"enable", no_argument, NULL, ENABLE}, {"disable", no_argument, NULL, DISABLE}, {"merge", required_argument, NULL, MERGE},
	    {"granularity", required_argument, NULL, 'g'}, {"source-file", required_argument, NULL, 'b'},
	    {"source-format", required_argument, NULL, 'F'}, LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_END,
	};
	int c;

	while ((c = options_next(&wish->options, argc, argv, ":f:b:F:g:", longs, "")) != -1)
		switch (c) {
		case 'b': wish->from = optarg; break;
		case 'F': wish->from_format = optarg; break;
		case 'g': wish->granularity = image_size_word("-g", optarg, 1, INT64_MAX); break;
		default: take(wish, c);
		}
	if (optind != argc - 2)
		die("Expecting filename and bitmap name");
	if (!wish->nactions)
		die("Need at least one of --add, --remove, --clear, --enable, --disable, or --merge");
	if (wish->granularity && !wish->add)
		die("granularity only supported with --add");
	if (wish->from_format && !wish->from)
		die("-F only supported with -b");
	if (wish->from && !wish->merge)
		die("Merge bitmap source file only supported with --merge");
	wish->file = argv[optind];
	wish->bitmap = argv[optind + 1];
}

static struct image *
open_image(struct wish *wish, const char *path, const char *format, unsigned flags)
{
	struct opening how;
	struct image *i;

	opening_init(&how, &wish->options, path, format, flags);
	how.alone = true;
	i = chain_open(&how);
	if (i && strcmp(i->format->name, "qcow2"))
		die("%s: images of format %s have no bitmaps", path, i->format->name);
	return i;
}

static const char *
act(const struct wish *wish, size_t k, struct image *i, struct image *from, struct why *w)
{
	switch (wish->actions[k].what) {
	case ADD: return qcow2_bitmap_add(i, wish->bitmap, wish->granularity, w);
	case REMOVE: return qcow2_bitmap_remove(i, wish->bitmap, w);
	case CLEAR: return qcow2_bitmap_clear(i, wish->bitmap, w);
	case ENABLE: return qcow2_bitmap_enable(i, wish->bitmap, true, w);
	case DISABLE: return qcow2_bitmap_enable(i, wish->bitmap, false, w);
	case MERGE: return qcow2_bitmap_merge(i, wish->bitmap, from, wish->actions[k].source, w);
	default: return NULL;
	}
}

int
cmd_bitmap(int argc, char **argv)
{
	static const char *const verbs[] = {"add", "remove", "clear", "enable", "disable", "merge"};
	struct wish wish = {.nactions = 0};
	struct image *i, *from = NULL;
	struct why w;

	options_init(&wish.options, argv[0]);
	parse(&wish, argc, argv);
	seals_open(SEALS_CHANGE);
	i = open_image(&wish, wish.file, wish.options.format, IMAGE_WRITE);
	if (i && wish.from)
		from = open_image(&wish, wish.from, wish.from_format, 0);
	if (!i || (wish.from && !from))
		return 1;
	seals_work();
	for (size_t k = 0; k < wish.nactions; k++)
		if (act(&wish, k, i, from ? from : i, &w))
			die("Operation %s on bitmap %s failed: %s", verbs[wish.actions[k].what - ADD], wish.bitmap, w.text);
	image_close(from);
	chain_finish(i, wish.file, NULL);
	return 0;
}
