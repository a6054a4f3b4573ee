/* SPDX-License-Identifier: ISC */
/* vm-img convert: the disks of images into a new one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/image/formats.h"
#include "common/image/qcow2_bitmap.h"
#include "common/progress.h"
#include "vm-img/commands.h"
#include "vm-img/convert.h"
#include "vm-img/source.h"

static void
open_sources(struct convert *v)
{
	v->copy.n = v->ninputs;
	v->copy.sources = calloc(v->ninputs, sizeof(*v->copy.sources));
	if (!v->copy.sources)
		die_sys("memory");
	for (size_t i = 0; i < v->ninputs; i++) {
		v->copy.sources[i] = source_open(&v->options, v->inputs[i], v->snapshot, SEALS_MAKE);
		if (!v->copy.sources[i])
			exit(1);
	}
}

static void
close_sources(struct convert *v)
{
	for (size_t i = 0; i < v->copy.n; i++)
		image_close(v->copy.sources[i]);
	free(v->copy.sources);
}

static void
show(void *user, uint64_t done, uint64_t total)
{
	progress_set(user, done, total);
}

static void
tell_lost(void *user, uint64_t off, uint64_t len, int err)
{
	(void)user;
	warn("error while reading offset %" PRIu64 ": %s; %" PRIu64 " bytes became zeroes", off, strerror(-err), len);
}

static const char *
copy_bitmaps(const struct convert *v, struct target *t, struct why *w)
{
	return v->bitmaps ? qcow2_bitmaps_copy(t->image, v->copy.sources[0], v->skip_broken, w) : NULL;
}

int
cmd_convert(int argc, char **argv)
{
	struct convert v = {.output = NULL};
	struct progress progress;
	struct target target;
	struct why w;

	options_init(&v.options, argv[0]);
	convert_parse(&v, argc, argv);
	if (v.options.quiet)
		diag_verbose = -1;
	open_sources(&v);
	if (v.bitmaps && v.copy.sources[0]->format != &format_qcow2)
		die("Source lacks bitmap support");
	copy_size(&v.copy);
	target_open(&v, &target);
	seals_work();
	progress_begin(&progress, v.options.progress, v.progress_json, stream_wanted(&v) ? stderr : stdout);
	v.copy.progress = show;
	v.copy.user = &progress;
	v.copy.lost = tell_lost;
	if (target_fill(&v, &target, &w) || copy_bitmaps(&v, &target, &w)) {
		target_abandon(&target);
		die("%s", w.text);
	}
	if (target_finish(&v, &target, &w))
		die("%s: %s", v.output, w.text);
	progress_end(&progress, v.copy.size);
	close_sources(&v);
	return 0;
}
