/* SPDX-License-Identifier: ISC */
/* Zeroes and discards: clusters that have no bytes any more, or only say that they are zeroes. */
#include <errno.h>

#include "common/image/qcow2_state.h"

static const uint8_t zeroes[64 << 10];

struct entry {
	uint64_t entry, bitmap;
};

static bool
extended(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_EXTENDED_L2;
}

static struct entry
zero_entry(const struct qcow2 *q, uint64_t host)
{
	return extended(q) ? (struct entry){host, QCOW2_ALL_ZERO} : (struct entry){host | QCOW2_ZERO, 0};
}

/* Whether the data file is to hold the same bytes as the disk, also where the tables say that they are zeroes. */
static bool
raw_data(const struct qcow2 *q)
{
	return q->data && q->autoclear & QCOW2_DATA_FILE_RAW;
}

/* A cluster of zeroes; its space stays its own if that is asked for. Nothing below it: a hole is zeroes as well. */
static struct entry
zeroed(const struct qcow2 *q, struct entry old, unsigned flags)
{
	uint64_t own = old.entry & QCOW2_COPIED;

	if (!(old.entry | old.bitmap) && !q->image.backing_name)
		return old;
	if (q->version < 3)
		return (struct entry){0, 0};
	return zero_entry(q, own && (q->data || !(flags & ZERO_UNMAP)) ? (old.entry & QCOW2_OFFSET) | QCOW2_COPIED : 0);
}

/* A cluster that is not needed reads as zeroes, as QEMU has it: what is below it must not come to light. */
static struct entry
discarded(const struct qcow2 *q, struct entry old, unsigned flags)
{
	(void)flags;
	if (!q->image.backing_name)
		return (struct entry){0, 0};
	return q->version < 3 ? old : zero_entry(q, 0);
}

static struct entry
emptied(const struct qcow2 *q, struct entry old, unsigned flags)
{
	(void)q;
	(void)old;
	(void)flags;
	return (struct entry){0, 0};
}

static int
change_one(struct qcow2 *q, uint64_t at, struct entry old, struct entry new)
{
	int err = qcow2_entry_set(q, at, new.entry, new.bitmap);

	if (!err && ((old.entry ^ new.entry) & (QCOW2_OFFSET | QCOW2_PACKED)))
		err = qcow2_free_entry(q, old.entry);
	return err;
}

/* Changes the entries of whole clusters; what has no table and needs none is passed over at once. */
static int
change(struct qcow2 *q, uint64_t at, uint64_t end, struct entry (*to)(const struct qcow2 *, struct entry, unsigned), unsigned flags)
{
	uint64_t cluster = qcow2_cluster(q), n;
	uint8_t *e;
	int err = 0;

	while (at < end && !err) {
		struct entry old = {0, 0}, new;

		err = qcow2_l2(q, at, &e, &n);
		if (err)
			return err;
		if (e)
			old = (struct entry){get_be64(e), extended(q) ? get_be64(e + 8) : 0};
		new = to(q, old, flags);
		if (new.entry != old.entry || new.bitmap != old.bitmap) {
			err = change_one(q, at, old, new);
			at += cluster;
		} else {
			at += e ? cluster : n << q->cluster_bits;
		}
		if (!err)
			err = qcow2_free_some(q);
	}
	return err;
}

static int
write_zeroes(struct image *i, uint64_t off, uint64_t len)
{
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, sizeof(zeroes));
		err = qcow2_write(i, zeroes, n, off);
	}
	return err;
}

/* Subclusters [from, to) of one cluster, where they can be told to be zeroes. -ENOTSUP where not. */
static int
zero_subclusters(struct qcow2 *q, uint64_t from, uint64_t to)
{
	uint64_t size = qcow2_cluster(q) / QCOW2_SUBCLUSTERS, n, first, bits;
	struct entry old = {0, 0};
	uint8_t *e;
	int err;

	if (!extended(q) || (from | to) & (size - 1))
		return -ENOTSUP;
	err = qcow2_l2(q, from, &e, &n);
	if (err)
		return err;
	if (e)
		old = (struct entry){get_be64(e), get_be64(e + 8)};
	if (old.entry & QCOW2_PACKED)
		return -ENOTSUP;
	first = (from & (qcow2_cluster(q) - 1)) / size;
	bits = ((1ULL << (to - from) / size) - 1) << first;
	return qcow2_entry_set(q, from, old.entry, (old.bitmap & ~bits) | bits << 32);
}

/* Less than a cluster. */
static int
zero_part(struct qcow2 *q, uint64_t from, uint64_t to, unsigned flags)
{
	uint64_t first = align_down(from, qcow2_cluster(q)), end = align_up(to, qcow2_cluster(q));
	int err;

	if (qcow2_reads_as_zeroes(q, first, from - first) && qcow2_reads_as_zeroes(q, to, end - to))
		return change(q, first, end, zeroed, flags);
	err = zero_subclusters(q, from, to);
	return err == -ENOTSUP ? write_zeroes(&q->image, from, to - from) : err;
}

int
qcow2_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	struct qcow2 *q = qcow2_of(i);
	uint64_t cluster = qcow2_cluster(q), end = off + len, to = end;
	uint64_t first = align_up(off, cluster), last = end == i->size ? align_up(end, cluster) : align_down(end, cluster);
	int err = qcow2_change(q);

	if (!err && (qcow2_in_the_way(q, off, &to) || to != end))
		err = -EAGAIN;
	if (!err && raw_data(q))
		err = file_zero(q->data, off, len, flags & ZERO_UNMAP);
	if (err)
		return err;
	if (q->version < 3 && (i->backing_name || !(flags & ZERO_UNMAP)))
		return write_zeroes(i, off, len);
	if (first > last) /* within one cluster */
		return zero_part(q, off, end, flags);
	if (off < first)
		err = zero_part(q, off, min_u64(first, end), flags);
	if (!err)
		err = change(q, first, last, zeroed, flags);
	return err || end <= last ? err : zero_part(q, last, end, flags);
}

int
qcow2_discard(struct image *i, uint64_t off, uint64_t len)
{
	struct qcow2 *q = qcow2_of(i);
	uint64_t cluster = qcow2_cluster(q), end = off + len, to = end;
	uint64_t first = align_up(off, cluster), last = end == i->size ? align_up(end, cluster) : align_down(end, cluster);
	int err = qcow2_change(q);

	if (!err && (qcow2_in_the_way(q, off, &to) || to != end))
		err = -EAGAIN;
	if (err || first >= last)
		return err;
	if (raw_data(q))
		return qcow2_zero(i, first, min_u64(last, i->size) - first, ZERO_UNMAP);
	err = change(q, first, last, discarded, 0);
	return err || !q->data ? err : file_discard(q->data, first, last - first);
}

int
qcow2_make_hole(struct qcow2 *q, uint64_t from, uint64_t to)
{
	return change(q, from, to, emptied, 0);
}

int
qcow2_make_empty(struct image *i)
{
	struct qcow2 *q = qcow2_of(i);
	int err = qcow2_change(q);

	if (!err && q->writes)
		err = -EAGAIN;
	if (err)
		return err;
	err = qcow2_make_hole(q, 0, align_up(i->size, qcow2_cluster(q)));
	if (!err)
		err = qcow2_drop_tables(q, 0);
	if (!err && raw_data(q))
		err = file_zero(q->data, 0, i->size, true);
	if (!err)
		err = qcow2_flush(q);
	return err ? err : qcow2_cut_file(q);
}
