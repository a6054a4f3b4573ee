/* SPDX-License-Identifier: ISC */
/* vm-img measure: how large a file a new image will be. */
#include <inttypes.h>
#include <stdio.h>

#include "common/diag.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/json.h"
#include "vm-img/measure.h"
#include "vm-img/settings.h"
#include "vm-img/size.h"
#include "vm-img/source.h"

enum { OPTION_SIZE_OF = OPTION_OWN };

static void
print(const struct measure *m, bool json)
{
	struct json j;
	struct describe *d = &j.describe;

	if (!json) {
		printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", m->required, m->full);
		if (m->has_bitmaps)
			printf("bitmaps size: %" PRIu64 "\n", m->bitmaps);
		return;
	}
	json_init(&j);
	d->begin(d, NULL, false);
	if (m->has_bitmaps)
		d->number(d, "bitmaps", (int64_t)m->bitmaps);
	d->number(d, "required", (int64_t)m->required);
	d->number(d, "fully-allocated", (int64_t)m->full);
	d->end(d);
}

int
cmd_measure(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"size", required_argument, NULL, OPTION_SIZE_OF},
	    LONG_OBJECT, LONG_IMAGE_OPTS, LONG_FOLLOW, LONG_OUTPUT, LONG_SHARE, LONG_END,
	};
	struct measure m = {.size = UINT64_MAX};
	struct settings settings;
	const struct format *format;
	const char *snapshot = NULL;
	struct options o;
	struct why w;
	int c;

	options_init(&o, argv[0]);
	while ((c = options_next(&o, argc, argv, ":f:l:O:o:U", longs, "")) != -1)
		switch (c) {
		case OPTION_SIZE_OF: m.size = image_size_word("--size", optarg, 0, IMAGE_SIZE_MAX); break;
		case 'l': snapshot = source_snapshot(optarg); break;
		}
	if ((m.size != UINT64_MAX) == (optind < argc))
		die("%s", optind < argc ? "--size N cannot be used together with a filename" : "Either --size N or one filename must be specified");
	format = format_find(o.target_format ? o.target_format : "raw");
	if (!format)
		die("Unknown file format '%s'", o.target_format);
	if (!format->create)
		die("images of format %s are only read here", format->name);
	settings_parse(&settings, &o, format->options, "Supported options:", format->name);
	if (m.size == UINT64_MAX) {
		m.source = source_open(&o, options_operand(argc, argv, "image"), snapshot, SEALS_READ);
		if (!m.source)
			return 1;
		seals_work();
		m.size = m.source->size;
	}
	if (measure(&m, format, &settings, &w))
		die("%s", w.text);
	print(&m, o.json);
	image_close(m.source);
	return 0;
}
