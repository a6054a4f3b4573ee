/* SPDX-License-Identifier: ISC */
/* vm-img check: whether an image is consistent, and repairs. Findings go to stderr, the result to stdout, as qemu-img's do. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/progress.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/json.h"

enum { CORRUPT = 2, LEAKS = 3, UNSUPPORTED = 63 }; /* exit statuses */

static void
tell(void *user, const char *line)
{
	(void)user;
	fprintf(stderr, "%s\n", line);
}

static void
progress(void *user, uint64_t done, uint64_t total)
{
	progress_set(user, done, total);
}

static void
print_text(const struct image_check *c)
{
	if (!c->errors && !c->leaks && !c->internal)
		puts("No errors were found on the image.");
	if (c->errors)
		printf("\n%" PRIu64 " errors were found on the image.\n"
		       "Data may be corrupted, or further writes to the image may corrupt it.\n",
		       c->errors);
	if (c->leaks)
		printf("\n%" PRIu64 " leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", c->leaks);
	if (c->internal)
		printf("\n%" PRIu64 " internal errors have occurred during the check.\n", c->internal);
	if (c->stats && c->total && c->allocated)
		printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n", c->allocated, c->total,
		       (double)c->allocated * 100 / (double)c->total, (double)c->fragmented * 100 / (double)c->allocated,
		       (double)c->compressed * 100 / (double)c->allocated);
	if (c->end)
		printf("Image end offset: %" PRIu64 "\n", c->end);
}

static void
some(struct describe *d, const char *key, uint64_t n)
{
	if (n)
		d->number(d, key, (int64_t)n);
}

static void
print_json(const struct image_check *c, const struct image *i)
{
	struct json j;
	struct describe *d = &j.describe;

	json_init(&j);
	d->begin(d, NULL, false);
	some(d, "image-end-offset", c->end);
	some(d, "compressed-clusters", c->compressed);
	some(d, "total-clusters", c->stats ? c->total : 0);
	some(d, "corruptions", c->errors);
	some(d, "corruptions-fixed", c->errors_fixed);
	d->number(d, "check-errors", (int64_t)c->internal);
	some(d, "leaks", c->leaks);
	some(d, "leaks-fixed", c->leaks_fixed);
	some(d, "allocated-clusters", c->allocated);
	d->string(d, "filename", i->file->name);
	d->string(d, "format", i->format->name);
	some(d, "fragmented-clusters", c->fragmented);
	d->end(d);
}

/* NULL, or why it could not be checked. After repairs it is checked once more, and that is the result. */
static const char *
check(struct image *i, unsigned fix, bool text, struct progress *p, struct image_check *c, struct why *w)
{
	struct image_check again = {.tell = tell, .progress = progress, .user = p};
	const char *reason;

	*c = again;
	reason = i->format->check(i, fix, c, w);
	if (reason || (!c->errors_fixed && !c->leaks_fixed))
		return reason;
	if (text)
		printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
		       "Double checking the fixed image now...\n",
		       c->leaks_fixed, c->errors_fixed);
	reason = i->format->check(i, 0, &again, w);
	again.errors_fixed = c->errors_fixed;
	again.leaks_fixed = c->leaks_fixed;
	*c = again;
	return reason;
}

static unsigned
parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"repair", required_argument, NULL, 'r'}, {"format", required_argument, NULL, 'f'}, {"quiet", no_argument, NULL, 'q'},
	    LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_OUTPUT, LONG_SHARE, LONG_END,
	};
	unsigned fix = 0;

	while (options_next(o, argc, argv, ":f:r:T:Uqp", longs, "") != -1) {
		if (strcmp(optarg, "leaks") && strcmp(optarg, "all"))
			die("-r %s: leaks or all", optarg);
		fix = *optarg == 'l' ? CHECK_FIX_LEAKS : CHECK_FIX_LEAKS | CHECK_FIX_ERRORS;
	}
	return fix;
}

static int
status(const struct image_check *c)
{
	if (c->errors)
		return CORRUPT;
	if (c->leaks)
		return LEAKS;
	return c->internal ? 1 : 0;
}

int
cmd_check(int argc, char **argv)
{
	struct image_check c;
	struct opening how;
	struct options o;
	struct image *i;
	struct why w;
	struct progress p;
	unsigned fix;

	options_init(&o, argv[0]);
	fix = parse(&o, argc, argv);
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, IMAGE_CHECK | (fix ? IMAGE_WRITE : 0));
	how.alone = true;
	i = chain_open_sealed(&how);
	if (!i)
		return 1;
	if (!i->format->check) {
		error("This image format does not support checks");
		image_close(i);
		return UNSUPPORTED;
	}
	progress_begin(&p, o.progress, false, o.json ? stderr : stdout);
	if (check(i, fix, !o.json && !o.quiet, &p, &c, &w))
		die("%s: check failed: %s", how.path, w.text);
	progress_end(&p, 1);
	if (o.json)
		print_json(&c, i);
	else if (!o.quiet)
		print_text(&c);
	chain_finish(i, how.path, NULL);
	return status(&c);
}
