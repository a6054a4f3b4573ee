/* SPDX-License-Identifier: ISC */
/* vm-img snapshot: internal snapshots of a qcow2 image: listed, made, gone back to, deleted. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/diag.h"
#include "common/image/qcow2_snapshot.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/size.h"
#include "vm-img/text.h"

/* A column of its width, at least. */
static void
column(const char *s, size_t width)
{
	size_t len = strlen(s);

	text_string(s);
	printf("%*s", len < width ? (int)(width - len) : 0, "");
}

static void
print_one(const struct qcow2_snapshot *s)
{
	char date[32] = "", icount[24] = "", size[32], clock[32];
	time_t at = s->date_sec;
	uint64_t seconds = s->clock_nsec / 1000000000;
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(clock, sizeof(clock), "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, seconds / 3600, seconds / 60 % 60, seconds % 60,
		 s->clock_nsec / 1000000 % 1000);
	if (s->icount != UINT64_MAX)
		snprintf(icount, sizeof(icount), "%" PRIu64, s->icount);
	column(s->id, 9);
	putchar(' ');
	column(s->name, 16);
	printf(" %8s%20s%13s%11s\n", image_size_text(s->vm_state_size, size), date, clock, icount);
}

static void
list(const struct qcow2 *q)
{
	if (!q->nsnapshots)
		return;
	printf("Snapshot list:\n%-9s %-16s %8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
	for (uint32_t k = 0; k < q->nsnapshots; k++)
		print_one(&q->snapshots[k]);
}

/* NULL, or why not. A name is an ID first where one goes back, as in QEMU, and never where one is deleted. */
static const char *
change(struct image *i, int what, const char *name, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	const struct qcow2_snapshot *s;

	if (what == 'c')
		return qcow2_snapshot_create(i, name, w);
	s = what == 'a' ? qcow2_snapshot_find(q, name) : qcow2_snapshot_named(q, name);
	if (!s)
		return why(w, "snapshot not found");
	return what == 'a' ? qcow2_snapshot_apply(i, s, w) : qcow2_snapshot_delete(i, s, w);
}

static int
parse(struct options *o, int argc, char **argv, const char **name)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_SHARE, LONG_END};
	int c, what = 0;

	while ((c = options_next(o, argc, argv, ":f:la:c:d:qU", longs, "")) != -1) {
		if (what)
			die("Cannot mix '-l', '-a', '-c', '-d'");
		what = c;
		*name = optarg;
	}
	return what ? what : 'l';
}

int
cmd_snapshot(int argc, char **argv)
{
	static const char *const verbs[] = {['a'] = "apply", ['c'] = "create", ['d'] = "delete"};
	const char *name = NULL;
	struct opening how;
	struct options o;
	struct image *i;
	struct why w;
	int what;

	options_init(&o, argv[0]);
	what = parse(&o, argc, argv, &name);
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, what == 'l' ? IMAGE_INFO : IMAGE_WRITE);
	how.alone = true;
	i = chain_open(&how);
	if (!i)
		return 1;
	if (what != 'l' && strcmp(i->format->name, "qcow2"))
		die("Could not %s snapshot '%s': images of format %s have none", verbs[what], name, i->format->name);
	if (what == 'l' && !strcmp(i->format->name, "qcow2"))
		list(qcow2_of(i));
	else if (what != 'l' && change(i, what, name, &w))
		die("Could not %s snapshot '%s': %s", verbs[what], name, w.text);
	if (image_close(i))
		die("%s: could not be written", how.path);
	return 0;
}
