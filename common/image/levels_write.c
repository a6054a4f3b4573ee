/* SPDX-License-Identifier: ISC */
/* Two levels of tables: writing, by clusters that are new at the file's end, filled with what the disk had there. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/levels.h"

/* v->room gets the cluster from `at` on as the disk has it, with the new bytes in it. */
static int
fill(struct levels *v, const void *buf, size_t len, uint64_t off, uint64_t at)
{
	uint32_t cluster = v->image.cluster_size;
	uint64_t there = min_u64(cluster, v->image.size - at);
	int err;

	if (!v->room)
		v->room = malloc(cluster);
	if (!v->room)
		return -ENOMEM;
	err = image_read(&v->image, v->room, there, at);
	memset(v->room + there, 0, cluster - there);
	if (buf)
		memcpy(v->room + (off - at), buf, len);
	else
		memset(v->room + (off - at), 0, len);
	return err;
}

/* Writes a part of a cluster that has no space of its own yet (or not plainly); buf NULL: zeroes. `was` is what it is. */
static int
add_cluster(struct levels *v, const void *buf, size_t len, uint64_t off, const struct extent *was)
{
	struct file *f = v->image.file;
	uint64_t at = align_down(off, v->image.cluster_size), to = align_up(f->size, v->image.cluster_size);
	bool zeroes = was->kind == EXTENT_ZERO || (was->kind == EXTENT_HOLE && !v->image.backing);
	bool whole = off == at && len == min_u64(v->image.cluster_size, v->image.size - at);
	int err;

	if (!zeroes && !whole) {
		err = fill(v, buf, len, off, at);
		if (!err)
			err = file_write(f, v->room, v->image.cluster_size, to);
	} else {
		err = file_truncate(f, to + v->image.cluster_size);
		if (!err && buf)
			err = file_write(f, buf, len, to + (off - at));
	}
	return err ? err : levels_set(v, at, to);
}

/* Within one cluster. */
static int
write_cluster(struct levels *v, const void *buf, size_t len, uint64_t off)
{
	struct extent e = {.image = &v->image};
	int err = levels_map(&v->image, off, len, &e);

	if (err)
		return err;
	if (e.kind == EXTENT_DATA)
		return buf ? file_write(v->image.file, buf, len, e.off) : file_zero(v->image.file, e.off, len, true);
	return add_cluster(v, buf, len, off, &e);
}

int
levels_write(struct image *i, const void *buf, size_t len, uint64_t off)
{
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, i->cluster_size - off % i->cluster_size);
		err = write_cluster(levels_of(i), buf, n, off);
		buf = (const uint8_t *)buf + n;
	}
	return err;
}

/* Zeroes for what is no plain data: by an entry where all of a cluster is meant and the format has one. */
static int
zero_clusters(struct levels *v, uint64_t off, uint64_t len)
{
	uint32_t cluster = v->image.cluster_size;
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		bool whole;

		n = min_u64(len, cluster - off % cluster);
		whole = n == cluster || (off % cluster == 0 && off + n == v->image.size);
		err = whole && v->zero_entry ? levels_set(v, off, v->zero_entry) : write_cluster(v, NULL, n, off);
	}
	return err;
}

int
levels_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags)
{
	struct extent e = {.image = i};
	int err = 0;

	for (; len && !err; off += e.len, len -= e.len) {
		err = levels_map(i, off, len, &e);
		e.len = min_u64(e.len, len);
		if (err || e.kind == EXTENT_ZERO || (e.kind == EXTENT_HOLE && !i->backing))
			continue;
		if (e.kind == EXTENT_DATA)
			err = file_zero(i->file, e.off, e.len, flags & ZERO_UNMAP);
		else
			err = zero_clusters(levels_of(i), off, e.len);
	}
	return err;
}

/* Space is not given to others again, but the file may forget what is in it. */
int
levels_discard(struct image *i, uint64_t off, uint64_t len)
{
	struct extent e = {.image = i};
	int err = 0;

	for (; len && !err; off += e.len, len -= e.len) {
		err = levels_map(i, off, len, &e);
		e.len = min_u64(e.len, len);
		if (!err && e.kind == EXTENT_DATA)
			err = file_discard(i->file, e.off, e.len);
	}
	return err;
}
