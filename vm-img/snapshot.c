/* SPDX-License-Identifier: ISC */
/* vm-img snapshot: internal snapshots of a qcow2 image: listed, made, gone back to, deleted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/image/qcow2_snapshot.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/snapshot_list.h"

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
	i = chain_open_sealed(&how);
	if (!i)
		return 1;
	if (what != 'l' && strcmp(i->format->name, "qcow2"))
		die("Could not %s snapshot '%s': images of format %s have none", verbs[what], name, i->format->name);
	if (what == 'l' && !strcmp(i->format->name, "qcow2"))
		snapshot_list(i);
	else if (what != 'l' && change(i, what, name, &w))
		die("Could not %s snapshot '%s': %s", verbs[what], name, w.text);
	chain_finish(i, how.path, NULL);
	return 0;
}
