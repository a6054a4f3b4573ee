/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-img/convert.h"
#include "vm-img/formats.h"
#include "vm-img/size.h"
#include "vm-img/source.h"

enum { OPTION_SALVAGE = OPTION_OWN, OPTION_TARGET_IS_ZERO, OPTION_BITMAPS, OPTION_SKIP_BROKEN, OPTION_WINDOW };

#define SPARSE_DEFAULT 4096
#define SPARSE_MAX (16 << 20)

static uint64_t
sparse_size(const char *word)
{
	uint64_t n;

	if (!image_size_parse(word, &n) || n % 512 || n > SPARSE_MAX)
		die("-S %s: not a multiple of 512 up to %d, or 0 (which writes all)", word, SPARSE_MAX);
	return n;
}

/* Of deflate: 512 bytes to 32 KiB, as the exponent that zlib knows (its 256 bytes do not work). */
static int
window(const char *word)
{
	uint64_t n;

	if (image_size_parse(word, &n))
		for (int bits = 9; bits <= 15; bits++)
			if (n == UINT64_C(1) << bits)
				return bits;
	die("--window %s: not a power of two from 512 to 32k", word);
}

static void
take(struct convert *v, int c, bool *sparse_said)
{
	switch (c) {
	case 'B': v->backing = optarg; break;
	case 'F': v->backing_format = optarg; break;
	case 'C': v->copy.offload = true; break;
	case 'c': v->copy.pack = true; break;
	case 'j': v->progress_json = true; break;
	case 'l': v->snapshot = source_snapshot(optarg); break;
	case 'm': v->copy.threads = (unsigned)num_opt('m', optarg, 1, 1024); break;
	case 'n': v->in_place = true; break;
	case 'r': v->copy.rate = image_size_word("-r", optarg, 0, INT64_MAX); break;
	case 'S': v->copy.sparse = sparse_size(optarg); *sparse_said = true; break;
	case 'W': break; /* the order of writing is the disk's in any case */
	case OPTION_SALVAGE: v->copy.salvage = true; break;
	case OPTION_TARGET_IS_ZERO: v->copy.zeroed = true; break;
	case OPTION_BITMAPS: v->bitmaps = true; break;
	case OPTION_SKIP_BROKEN: v->skip_broken = true; break;
	case OPTION_WINDOW: v->copy.window_bits = window(optarg); break;
	}
}

/* An option that can be said in two ways, but once. */
static void
combine(const char **word, const struct settings *s, const char *name)
{
	const char *text = settings_text(s, name);

	if (*word && text)
		die("-o %s: is said twice", name);
	if (text)
		*word = text;
}

static void
check(const struct convert *v, bool sparse_said)
{
	const struct copy *c = &v->copy;

	if (c->zeroed && !v->in_place)
		die("--target-is-zero requires use of -n flag");
	if (v->options.target_image_opts && !v->in_place)
		die("--target-image-opts requires use of -n flag");
	if (v->skip_broken && !v->bitmaps)
		die("Use of --skip-broken-bitmaps requires --bitmaps");
	if (c->offload && (sparse_said || c->pack))
		die("Cannot enable copy offloading when %s is used", c->pack ? "-c" : "-S");
	if (c->offload && c->salvage)
		die("Cannot use copy offloading in salvaging mode");
	if (v->ninputs > 1 && (v->backing || v->snapshot || v->bitmaps))
		die("%s makes no sense when concatenating multiple input images",
		    v->backing ? "Having a backing file for the target" : v->snapshot ? "-l" : "--bitmaps");
	if (v->in_place && v->options.nsettings)
		die("-o has no effect when skipping image creation");
	if (v->progress_json && !v->options.progress)
		die("-j: is of -p, for its form");
}

static void
check_target(struct convert *v)
{
	const char *preallocation = settings_text(&v->settings, "preallocation");

	combine(&v->backing, &v->settings, "backing_file");
	combine(&v->backing_format, &v->settings, "backing_fmt");
	if (v->backing && !v->backing_format && !v->in_place)
		die("%s: the format of the backing image is not said: -F gives it", v->output);
	if (v->backing_format && !v->backing)
		die("%s: the format of a backing image is said, but none is: -B gives it", v->output);
	if (v->backing && v->ninputs > 1)
		die("Having a backing file for the target makes no sense when concatenating multiple input images");
	if (v->copy.pack && !v->format->write_packed)
		die("%s: Compression not supported for this file format", v->output);
	if (v->copy.pack && preallocation && strcmp(preallocation, "off"))
		die("%s: Compression and preallocation not supported at the same time", v->output);
}

void
convert_parse(struct convert *v, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"salvage", no_argument, NULL, OPTION_SALVAGE},
	    {"target-is-zero", no_argument, NULL, OPTION_TARGET_IS_ZERO},
	    {"bitmaps", no_argument, NULL, OPTION_BITMAPS},
	    {"skip-broken-bitmaps", no_argument, NULL, OPTION_SKIP_BROKEN},
	    {"window", required_argument, NULL, OPTION_WINDOW},
	    LONG_OBJECT, LONG_IMAGE_OPTS, LONG_TARGET_IMAGE_OPTS, LONG_FOLLOW, LONG_SHARE, LONG_END,
	};
	const char *format;
	bool sparse_said = false;
	int c;

	v->copy.sparse = SPARSE_DEFAULT;
	v->copy.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	while ((c = options_next(&v->options, argc, argv, ":f:O:B:F:CcjUl:m:no:pqr:S:t:T:W", longs, "")) != -1)
		take(v, c, &sparse_said);
	format = v->options.target_format ? v->options.target_format : "raw";
	v->format = format_find(format);
	if (!v->format)
		die("Unknown file format '%s'", format);
	v->output = optind < argc ? argv[argc - 1] : "";
	if (!v->in_place && !v->format->create)
		die("%s: images of format %s are only read here", v->output, format);
	if (!v->in_place)
		settings_parse(&v->settings, &v->options, v->format->options, "Supported options:", v->output);
	if (argc - optind < 2)
		die("convert: an input and an output have to be named (try %s convert --help)", diag_prog);
	v->inputs = argv + optind;
	v->ninputs = (size_t)(argc - optind - 1);
	check(v, sparse_said);
	check_target(v);
}
