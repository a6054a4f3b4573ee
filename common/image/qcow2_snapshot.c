/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/bytes.h"
#include "common/image/qcow2_snapshot.h"
#include "common/image/qcow2_tree.h"
#include "common/num.h"

const struct qcow2_snapshot *
qcow2_snapshot_named(const struct qcow2 *q, const char *name)
{
	for (uint32_t i = 0; i < q->nsnapshots; i++)
		if (!strcmp(q->snapshots[i].name, name))
			return &q->snapshots[i];
	return NULL;
}

const struct qcow2_snapshot *
qcow2_snapshot_find(const struct qcow2 *q, const char *id_or_name)
{
	for (uint32_t i = 0; i < q->nsnapshots; i++)
		if (!strcmp(q->snapshots[i].id, id_or_name))
			return &q->snapshots[i];
	return qcow2_snapshot_named(q, id_or_name);
}

/* What only a hostile image has. */
static const char *
refuse(const struct qcow2 *q, const struct qcow2_snapshot *s, struct why *w)
{
	if (s->disk_size > IMAGE_SIZE_MAX || qcow2_l1_needed(q, s->disk_size) > QCOW2_L1_MAX / 8 || s->l1_size > QCOW2_L1_MAX / 8)
		return why(w, "the snapshot's disk of %llu bytes is too large", (unsigned long long)s->disk_size);
	return s->l1_offset & (qcow2_cluster(q) - 1) ? why(w, "the snapshot's L1 table is not at a cluster") : NULL;
}

/* Before any change: what is in memory is in the file; and all refcounts. */
static int
begin(struct refs *r, struct qcow2 *q)
{
	int err = qcow2_flush(q);

	*r = (struct refs){0};
	return err ? err : refs_load(r, q, NULL, NULL);
}

/* While the flags and the refcounts of an image are not of one time, who opens it counts anew. */
static int
mark_dirty(struct qcow2 *q, bool dirty)
{
	if (q->version < 3)
		return 0;
	q->incompatible = dirty ? q->incompatible | QCOW2_DIRTY : q->incompatible & ~QCOW2_DIRTY;
	return qcow2_switch_header(q);
}

/* Writes a table with these snapshots to new clusters, which the header does not name yet. */
static int
write_table(struct refs *r, const struct qcow2_snapshot *list, uint32_t n, uint64_t *offset, uint64_t *bytes)
{
	struct qcow2 *q = r->q;
	size_t len;
	uint8_t *table = qcow2_snapshot_table(list, n, &len);
	int err = table ? 0 : -ENOMEM;

	*bytes = len;
	*offset = 0;
	if (len > QCOW2_SNAPSHOT_TABLE_MAX)
		err = -EFBIG;
	if (!err && len)
		err = refs_alloc(r, qcow2_clusters(q, len), offset);
	if (!err)
		err = file_write(q->image.file, table, len, *offset);
	free(table);
	return err;
}

/* The header names the new table; the old one's clusters are used no more. */
static int
switch_table(struct refs *r, uint32_t n, uint64_t offset, uint64_t bytes)
{
	struct qcow2 *q = r->q;
	uint64_t old = q->snapshots_offset, old_bytes = q->snapshots_bytes;
	uint32_t had = q->nsnapshots;
	int err = refs_use(r, old, old_bytes, -1); /* not in the file yet */

	if (err)
		return err;
	q->nsnapshots = n;
	q->snapshots_offset = offset;
	q->snapshots_bytes = bytes;
	err = qcow2_switch_header(q);
	q->nsnapshots = had; /* the list in memory is still the old one, until all is read again */
	return err;
}

/* The header is switched to `n` snapshots: all is read again, and refcounts are not needed any more. */
static const char *
finish(struct refs *r, struct qcow2 *q, uint32_t n, int err, struct why *w)
{
	int reloaded;

	refs_free(r);
	qcow2_free_snapshots(q);
	q->nsnapshots = n;
	reloaded = qcow2_reload(q);
	if (!err)
		err = reloaded;
	if (!err)
		return NULL;
	if (q->image.fault.text[0])
		return why(w, "%s", q->image.fault.text);
	return why(w, "%s", err == -ERANGE ? "a cluster would have more references than this image can count (amend -o refcount_bits)"
					   : strerror(-err));
}

/* A copy of an L1 table, of n entries or more, in new clusters; no entry of it may be written through. */
static int
copy_l1(struct refs *r, uint64_t from, uint32_t n, uint32_t entries, uint64_t *offset)
{
	struct qcow2 *q = r->q;
	uint64_t *l1 = calloc(entries ? entries : 1, sizeof(*l1));
	int err = l1 ? file_read(q->image.file, l1, 8ULL * n, from) : -ENOMEM;

	for (uint32_t i = 0; i < n && !err; i++)
		l1[i] &= htobe64(~QCOW2_COPIED);
	if (!err)
		err = refs_alloc(r, qcow2_clusters(q, 8ULL * (entries ? entries : 1)), offset);
	if (!err)
		err = file_write(q->image.file, l1, 8ULL * entries, *offset);
	free(l1);
	return err;
}

/* The largest number among the IDs, and one. */
static void
new_id(const struct qcow2 *q, char id[24])
{
	uint64_t max = 0, n;

	for (uint32_t i = 0; i < q->nsnapshots; i++)
		if (num_parse(q->snapshots[i].id, 0, UINT64_MAX - 1, &n) && n > max)
			max = n;
	snprintf(id, 24, "%llu", (unsigned long long)max + 1);
}

/* The list with one more: the array alone is new. */
static struct qcow2_snapshot *
list_with(const struct qcow2 *q, const struct qcow2_snapshot *s)
{
	struct qcow2_snapshot *list = calloc(q->nsnapshots + 1ULL, sizeof(*list));

	if (list && q->nsnapshots)
		memcpy(list, q->snapshots, q->nsnapshots * sizeof(*list));
	if (list)
		list[q->nsnapshots] = *s;
	return list;
}

/* Nothing of it is named by the header yet: then refcounts go up, flags are cleared, the header switches, refcounts go down. */
static int
create(struct refs *r, struct qcow2_snapshot *s)
{
	struct qcow2 *q = r->q;
	struct qcow2_snapshot *list;
	uint64_t offset, bytes;
	int err = tree_use(r, q->l1_offset, q->l1_size, 1);

	if (!err)
		err = copy_l1(r, q->l1_offset, q->l1_size, q->l1_size, &s->l1_offset);
	list = list_with(q, s);
	if (!err)
		err = list ? write_table(r, list, q->nsnapshots + 1, &offset, &bytes) : -ENOMEM;
	free(list);
	if (!err)
		err = mark_dirty(q, true);
	if (!err)
		err = refs_store(r);
	if (!err)
		err = tree_flags(r, q->l1_offset, q->l1_size, false);
	if (err)
		return err;
	q->incompatible &= ~QCOW2_DIRTY;
	return switch_table(r, q->nsnapshots + 1, offset, bytes);
}

const char *
qcow2_snapshot_create(struct image *i, const char *name, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	struct timespec now;
	struct refs r;
	char id[24], copy[QCOW2_SNAPSHOT_NAME_MAX + 1];
	struct qcow2_snapshot s = {.id = id, .name = copy, .icount = UINT64_MAX, .disk_size = i->size, .l1_size = q->l1_size};
	uint32_t had = q->nsnapshots;
	int err;

	if (q->data)
		return why(w, "an image with a data file has no snapshots");
	if (had >= QCOW2_SNAPSHOTS_MAX)
		return why(w, "there are %u snapshots already", had);
	if (strlen(name) > QCOW2_SNAPSHOT_NAME_MAX)
		return why(w, "a name of more than %d bytes", QCOW2_SNAPSHOT_NAME_MAX);
	strcpy(copy, name);
	new_id(q, id);
	clock_gettime(CLOCK_REALTIME, &now);
	s.date_sec = (uint32_t)now.tv_sec;
	s.date_nsec = (uint32_t)now.tv_nsec;
	err = begin(&r, q);
	if (!err)
		err = create(&r, &s);
	if (err)
		return finish(&r, q, had, err, w);
	return finish(&r, q, had + 1, refs_store(&r), w);
}

/* An L1 table and all that it names have one use less. */
static int
release(struct refs *r, uint64_t l1_offset, uint32_t n)
{
	struct counts *before = counts_copy(r->counts);
	int err = before ? tree_use(r, l1_offset, n, -1) : -ENOMEM;

	if (!err)
		err = refs_use(r, l1_offset, 8ULL * n, -1);
	if (!err)
		err = refs_store(r);
	if (!err)
		err = refs_give_back(r, before);
	counts_free(before);
	return err;
}

static int
delete(struct refs *r, const struct qcow2_snapshot *s, uint32_t *n)
{
	struct qcow2 *q = r->q;
	uint32_t index = (uint32_t)(s - q->snapshots), rest = q->nsnapshots - index - 1, l1_size = s->l1_size;
	uint64_t offset, bytes, l1_offset = s->l1_offset;
	struct qcow2_snapshot *list = list_with(q, s);
	int err = list ? 0 : -ENOMEM;

	if (!err) {
		memmove(list + index, list + index + 1, rest * sizeof(*list));
		err = write_table(r, list, q->nsnapshots - 1, &offset, &bytes);
	}
	free(list);
	if (!err)
		err = refs_store(r);
	if (err)
		return err;
	if (q->version >= 3)
		q->incompatible |= QCOW2_DIRTY;
	err = switch_table(r, q->nsnapshots - 1, offset, bytes);
	if (err)
		return err;
	--*n;
	err = release(r, l1_offset, l1_size);
	/* What only the active tables have left may be written in place again. */
	if (!err)
		err = tree_flags(r, q->l1_offset, q->l1_size, true);
	if (!err)
		err = qcow2_sync(q);
	return err;
}

const char *
qcow2_snapshot_delete(struct image *i, const struct qcow2_snapshot *s, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	uint32_t n = q->nsnapshots;
	struct refs r;
	int err;

	if (refuse(q, s, w))
		return w->text;
	err = begin(&r, q);
	if (!err)
		err = delete(&r, s, &n);
	if (!err && q->version >= 3) {
		uint32_t had = q->nsnapshots;

		q->nsnapshots = n;
		err = mark_dirty(q, false);
		q->nsnapshots = had;
	}
	return finish(&r, q, n, err, w);
}

/* All that the snapshot names is used once more, then the header switches to a copy of its L1 table, and the disk's size. */
static int
apply(struct refs *r, const struct qcow2_snapshot *s)
{
	struct qcow2 *q = r->q;
	uint64_t needed = qcow2_l1_needed(q, s->disk_size), old = q->l1_offset, l1;
	uint32_t entries = needed > s->l1_size ? (uint32_t)needed : s->l1_size, old_size = q->l1_size;
	int err = tree_use(r, s->l1_offset, s->l1_size, 1);

	if (!err)
		err = copy_l1(r, s->l1_offset, s->l1_size, entries, &l1);
	if (!err)
		err = refs_store(r);
	if (!err)
		err = tree_flags(r, s->l1_offset, s->l1_size, false);
	if (err)
		return err;
	q->l1_offset = l1;
	q->l1_size = entries;
	q->image.size = s->disk_size;
	q->autoclear &= ~QCOW2_BITMAPS; /* they tell of another disk */
	err = qcow2_switch_header(q);
	return err ? err : release(r, old, old_size);
}

const char *
qcow2_snapshot_apply(struct image *i, const struct qcow2_snapshot *s, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);
	struct refs r;
	int err;

	if (refuse(q, s, w))
		return w->text;
	err = begin(&r, q);
	if (!err)
		err = apply(&r, s);
	return finish(&r, q, q->nsnapshots, err, w);
}

const char *
qcow2_snapshot_show(struct image *i, const struct qcow2_snapshot *s, struct why *w)
{
	struct qcow2 *q = qcow2_of(i);

	if (!i->read_only)
		return why(w, "a snapshot can only be read");
	if (refuse(q, s, w))
		return w->text;
	if (qcow2_l1_needed(q, s->disk_size) > s->l1_size)
		return why(w, "the snapshot's L1 table is too small for its disk");
	free(q->l1);
	q->l1 = NULL;
	q->l1_offset = s->l1_offset;
	q->l1_size = s->l1_size;
	i->size = s->disk_size;
	return qcow2_load_l1(q, w);
}
