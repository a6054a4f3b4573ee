/* SPDX-License-Identifier: ISC */
/* The snapshot table, read. qcow2.txt, "Snapshots". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_state.h"

static void
free_snapshot(struct qcow2_snapshot *s)
{
	free(s->unknown);
	free(s->id);
	free(s->name);
}

void
qcow2_free_snapshots(struct qcow2 *q)
{
	for (uint32_t n = 0; q->snapshots && n < q->nsnapshots; n++)
		free_snapshot(&q->snapshots[n]);
	free(q->snapshots);
	q->snapshots = NULL;
}

static int
copy_bytes(const uint8_t *from, uint32_t len, char **to)
{
	*to = strndup((const char *)from, len);
	return *to ? 0 : -ENOMEM;
}

/* What follows the fixed part: extra data, ID, name. */
static int
parse_rest(struct qcow2 *q, struct qcow2_snapshot *s, const uint8_t *rest, uint32_t id_len, uint32_t name_len)
{
	uint32_t unknown = s->extra_size > QCOW2_SNAPSHOT_EXTRA ? s->extra_size - QCOW2_SNAPSHOT_EXTRA : 0;

	if (s->extra_size >= 8)
		s->vm_state_size = get_be64(rest);
	s->disk_size = s->extra_size >= 16 ? get_be64(rest + 8) : q->image.size;
	s->icount = s->extra_size >= QCOW2_SNAPSHOT_EXTRA ? get_be64(rest + 16) : UINT64_MAX;
	if (unknown) {
		s->unknown = malloc(unknown);
		if (!s->unknown)
			return -ENOMEM;
		memcpy(s->unknown, rest + QCOW2_SNAPSHOT_EXTRA, unknown);
	}
	rest += s->extra_size;
	return copy_bytes(rest, id_len, &s->id) || copy_bytes(rest + id_len, name_len, &s->name) ? -ENOMEM : 0;
}

static const char *
load_one(struct qcow2 *q, struct qcow2_snapshot *s, uint64_t *at, struct why *w)
{
	uint8_t h[QCOW2_SNAPSHOT_ENTRY], *rest;
	uint32_t id_len, name_len;
	size_t len;
	int err = file_read(q->image.file, h, sizeof(h), *at);

	if (err)
		return why(w, "snapshot table: %s", strerror(-err));
	s->l1_offset = get_be64(h);
	s->l1_size = get_be32(h + 8);
	id_len = get_be16(h + 12);
	name_len = get_be16(h + 14);
	s->date_sec = get_be32(h + 16);
	s->date_nsec = get_be32(h + 20);
	s->clock_nsec = get_be64(h + 24);
	s->vm_state_size = get_be32(h + 32);
	s->extra_size = get_be32(h + 36);
	if (s->extra_size > QCOW2_SNAPSHOT_EXTRA_MAX)
		return why(w, "snapshot table: %u bytes of extra data", s->extra_size);
	len = (size_t)s->extra_size + id_len + name_len;
	rest = calloc(1, len + QCOW2_SNAPSHOT_EXTRA);
	err = rest ? file_read(q->image.file, rest, len, *at + QCOW2_SNAPSHOT_ENTRY) : -ENOMEM;
	if (!err)
		err = parse_rest(q, s, rest, id_len, name_len);
	free(rest);
	*at = align_up(*at + QCOW2_SNAPSHOT_ENTRY + len, 8);
	return err ? why(w, "snapshot table: %s", strerror(-err)) : NULL;
}

/* Room for one more, by what is there, not by what the header says. */
static int
grow(struct qcow2 *q, uint32_t n, uint32_t *room)
{
	struct qcow2_snapshot *more;

	if (n == *room) {
		*room = *room ? *room * 2 : 4;
		more = realloc(q->snapshots, *room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		q->snapshots = more;
	}
	memset(&q->snapshots[n], 0, sizeof(*q->snapshots));
	return 0;
}

static const char *
load_next(struct qcow2 *q, struct qcow2_snapshot *s, uint64_t *at, struct why *w)
{
	if (*at >= q->image.file->size)
		return why(w, "the snapshot table goes on past the end of the file");
	if (load_one(q, s, at, w))
		return w->text;
	return *at - q->snapshots_offset > QCOW2_SNAPSHOT_TABLE_MAX ? why(w, "the snapshot table is too large") : NULL;
}

/* As many as can be read; `at` is behind them. */
static const char *
load_all(struct qcow2 *q, uint32_t wanted, uint64_t at, struct why *w)
{
	uint32_t room = 0;

	while (q->nsnapshots < wanted) {
		struct qcow2_snapshot *s;

		if (grow(q, q->nsnapshots, &room))
			return why(w, "%s", strerror(ENOMEM));
		s = &q->snapshots[q->nsnapshots];
		if (load_next(q, s, &at, w)) {
			free_snapshot(s);
			return w->text;
		}
		q->nsnapshots++;
		q->snapshots_bytes = at - q->snapshots_offset;
	}
	return NULL;
}

const char *
qcow2_load_snapshots(struct qcow2 *q, struct why *w)
{
	uint64_t at = q->snapshots_offset;
	uint32_t wanted = q->nsnapshots;

	q->nsnapshots = 0;
	q->snapshots_bytes = 0;
	if (wanted > QCOW2_SNAPSHOTS_MAX)
		return why(w, "%u snapshots", wanted);
	if (wanted && (at & (qcow2_cluster(q) - 1) || at > INT64_MAX - QCOW2_SNAPSHOT_TABLE_MAX))
		return why(w, "the snapshot table is not at a cluster");
	return load_all(q, wanted, at, w);
}
