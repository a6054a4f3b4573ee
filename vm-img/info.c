/* SPDX-License-Identifier: ISC */
/* vm-img info: what an image says about itself. Nothing that it names is opened, but its backing images if asked to. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/json.h"
#include "vm-img/seals.h"
#include "vm-img/size.h"
#include "vm-img/snapshot_list.h"
#include "vm-img/text.h"

/* Bytes that the file takes on its disk; -1: unknown. */
static int64_t
disk_size(const struct image *i)
{
	struct stat st;

	return fstat(i->file->fd, &st) < 0 ? -1 : st.st_blocks * INT64_C(512);
}

static void
print_backing(const struct image *i)
{
	char *path = chain_path(i, i->backing_name);

	fputs("backing file: ", stdout);
	text_string(i->backing_name);
	if (strcmp(path, i->backing_name)) {
		fputs(" (actual path: ", stdout);
		text_string(path);
		putchar(')');
	}
	putchar('\n');
	free(path);
	if (i->backing_format) {
		fputs("backing file format: ", stdout);
		text_string(i->backing_format);
		putchar('\n');
	}
}

static void
print_text(struct image *i)
{
	int64_t used = disk_size(i);
	struct text text;
	char size[32];

	printf("image: ");
	text_string(i->file->name);
	printf("\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\n", i->format->name, image_size_text(i->size, size), i->size);
	printf("disk size: %s\n", used < 0 ? "unavailable" : image_size_text((uint64_t)used, size));
	if (i->encrypted)
		puts("encrypted: yes");
	if (i->cluster_size)
		printf("cluster_size: %" PRIu32 "\n", i->cluster_size);
	if (i->dirty)
		puts("cleanly shut down: no");
	if (i->backing_name)
		print_backing(i);
	if (i->format == &format_qcow2)
		snapshot_list(i);
	if (i->format->describe) {
		puts("Format specific information:");
		text_init(&text, 1);
		i->format->describe(i, &text.describe);
	}
}

static void
print_json(struct image *i, struct describe *d)
{
	int64_t used = disk_size(i);

	d->begin(d, NULL, false);
	if (i->backing_format)
		d->string(d, "backing-filename-format", i->backing_format);
	if (i->format == &format_qcow2)
		snapshot_describe(i, d);
	d->number(d, "virtual-size", (int64_t)i->size);
	d->string(d, "filename", i->file->name);
	if (i->cluster_size)
		d->number(d, "cluster-size", i->cluster_size);
	d->string(d, "format", i->format->name);
	if (used >= 0)
		d->number(d, "actual-size", used);
	if (i->format->describe) {
		d->begin(d, "format-specific", false);
		d->string(d, "type", i->format->name);
		d->begin(d, "data", false);
		i->format->describe(i, d);
		d->end(d);
		d->end(d);
	}
	if (i->backing_name) {
		char *path = chain_path(i, i->backing_name);

		d->string(d, "full-backing-filename", path);
		free(path);
	}
	if (i->encrypted)
		d->boolean(d, "encrypted", true);
	if (i->backing_name)
		d->string(d, "backing-filename", i->backing_name);
	d->boolean(d, "dirty-flag", i->dirty);
	d->end(d);
}

static void
print(struct image *top, bool chain, bool json)
{
	struct json j;

	json_init(&j);
	if (json && chain)
		j.describe.begin(&j.describe, NULL, true);
	for (struct image *i = top; i; i = i->backing) {
		if (json) {
			print_json(i, &j.describe);
			continue;
		}
		if (i != top)
			putchar('\n');
		print_text(i);
	}
	if (json && chain)
		j.describe.end(&j.describe);
}

int
cmd_info(int argc, char **argv)
{
	enum { OPTION_CHAIN = OPTION_OWN };
	static const struct option longs[] = {
	    {"backing-chain", no_argument, NULL, OPTION_CHAIN},
	    LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_OUTPUT, LONG_SHARE, LONG_END,
	};
	struct opening how;
	struct options o;
	struct image *top;
	bool chain = false;
	int more;

	options_init(&o, argv[0]);
	while (options_next(&o, argc, argv, ":f:U", longs, "") != -1)
		chain = true;
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, IMAGE_INFO);
	how.alone = true;
	seals_open(SEALS_READ);
	top = chain_open(&how);
	if (!top)
		return 1;
	for (more = chain; more > 0;)
		more = chain_extend(top, &how, IMAGE_INFO);
	seals_work();
	if (!more)
		print(top, chain, o.json);
	image_close(top);
	return more ? 1 : 0;
}
