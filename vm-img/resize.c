/* SPDX-License-Identifier: ISC */
/* vm-img resize: a disk longer or, if that is said, shorter. */
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/size.h"

struct wish {
	const char *file, *size, *preallocation;
	bool shrink;
};

static void
parse(struct wish *wish, struct options *o, int argc, char **argv)
{
	enum { OPTION_SHRINK = OPTION_OWN, OPTION_PREALLOCATION };
	static const struct option longs[] = {
	    {"shrink", no_argument, NULL, OPTION_SHRINK}, {"preallocation", required_argument, NULL, OPTION_PREALLOCATION},
	    LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_END,
	};
	bool sized = argc > 2;
	int c;

	options_init(o, argv[0]);
	*wish = (struct wish){.size = argv[argc - 1]};
	/* The size is no option, though it may begin with "-". */
	while ((c = options_next(o, argc - sized, argv, ":f:q", longs, "")) != -1) {
		if (c == OPTION_SHRINK)
			wish->shrink = true;
		else
			wish->preallocation = optarg;
	}
	wish->file = options_operand(argc - sized, argv, "image");
	if (!sized)
		die("resize: no size is said (try %s resize --help)", diag_prog);
}

/* The size that is wished, whole sectors: as it is said, or more or less than now. */
static uint64_t
wished(const struct wish *wish, uint64_t now)
{
	bool sign = *wish->size == '+' || *wish->size == '-';
	uint64_t n = image_size_word("resize", wish->size + sign, 0, IMAGE_SIZE_MAX);

	if (*wish->size == '-' && n >= now)
		die("%s: New image size must be positive", wish->file);
	n = *wish->size == '-' ? now - n : *wish->size == '+' ? now + n : n;
	if (n > IMAGE_SIZE_MAX)
		die("%s: larger than an image can be", wish->file);
	return align_up(n, 512);
}

static const char *
resize(struct image *i, const struct wish *wish, uint64_t size, struct why *w)
{
	if (!i->format->resize)
		return why(w, "images of format %s are not resized here", i->format->name);
	if (size < i->size && !wish->shrink)
		return why(w, "Use the --shrink option to perform a shrink operation: what lies past the new end will be lost");
	if (size <= i->size && wish->preallocation && strcmp(wish->preallocation, "off"))
		return why(w, "Preallocation can only be used for growing images");
	return i->format->resize(i, size, wish->preallocation, w);
}

int
cmd_resize(int argc, char **argv)
{
	struct opening how;
	struct options o;
	struct wish wish;
	struct image *i;
	uint64_t size;
	const char *no;
	struct why w;

	parse(&wish, &o, argc, argv);
	wished(&wish, IMAGE_SIZE_MAX / 2); /* is it a size at all? */
	opening_init(&how, &o, wish.file, o.format, IMAGE_WRITE);
	i = chain_open_sealed(&how);
	if (!i)
		return 1;
	size = wished(&wish, i->size);
	no = resize(i, &wish, size, &w);
	chain_finish(i, wish.file, no);
	if (!o.quiet)
		puts("Image resized.");
	return 0;
}
