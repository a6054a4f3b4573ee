/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "common/image/qcow2_snapshot.h"
#include "vm-img/formats.h"
#include "vm-img/keep.h"
#include "vm-img/source.h"
#include "vm-img/spool.h"

/* /proc/self/fd/N, for who opens paths. */
static const char *
stdin_path(void)
{
	struct stat st;
	char path[32];
	int fd = 0;

	if (fstat(0, &st) < 0)
		die_sys("standard input");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		fd = spool_input(0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return keep_string(path);
}

static const char *
show_snapshot(struct image *i, const char *name, struct why *w)
{
	const struct qcow2_snapshot *s;

	if (i->format != &format_qcow2)
		return why(w, "images of format %s have no snapshots", i->format->name);
	s = qcow2_snapshot_find(qcow2_of(i), name);
	return s ? qcow2_snapshot_show(i, s, w) : why(w, "no such snapshot");
}

struct image *
source_open(const struct options *o, const char *word, const char *snapshot, enum seals what)
{
	struct opening how;
	struct image *i;
	struct why w;

	opening_init(&how, o, strcmp(word, "-") ? word : stdin_path(), o->format, IMAGE_ONCE);
	seals_open(what);
	i = chain_open(&how);
	if (!i || !snapshot || !show_snapshot(i, snapshot, &w))
		return i;
	error("%s: Failed to load snapshot '%s': %s", word, snapshot, w.text);
	image_close(i);
	return NULL;
}

const char *
source_snapshot(const char *word)
{
	if (!strncmp(word, "snapshot.id=", 12))
		return word + 12;
	return strncmp(word, "snapshot.name=", 14) ? word : word + 14;
}
