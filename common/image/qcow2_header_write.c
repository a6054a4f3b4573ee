/* SPDX-License-Identifier: ISC */
/*
 * qcow2's header and its extensions, written back with all that is not known kept, so that a cut leaves the old one or the new.
 * qcow2.txt, "Header".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_state.h"

#define HEADER_UNIT 512 /* it is written in multiples of */

/* Appends an extension at *at; false: no room. */
static bool
put_ext(uint8_t *h, uint64_t size, uint64_t *at, uint32_t type, const void *data, uint32_t len)
{
	if (size - *at < 8 || size - *at - 8 < align_up(len, 8))
		return false;
	put_be32(h + *at, type);
	put_be32(h + *at + 4, len);
	memcpy(h + *at + 8, data, len);
	*at += 8 + align_up(len, 8);
	return true;
}

void
qcow2_put_state(const struct qcow2 *q, uint8_t *h)
{
	put_be64(h + QCOW2_AT_SIZE, q->image.size);
	put_be32(h + QCOW2_AT_L1, q->l1_size);
	put_be64(h + QCOW2_AT_L1 + 4, q->l1_offset);
	put_be64(h + QCOW2_AT_REFTABLE, q->reftable_offset);
	put_be32(h + QCOW2_AT_REFTABLE + 8, q->reftable_clusters);
	put_be32(h + QCOW2_AT_SNAPSHOTS, q->nsnapshots);
	put_be64(h + QCOW2_AT_SNAPSHOTS + 4, q->snapshots_offset);
	if (q->version < 3)
		return;
	put_be64(h + QCOW2_AT_FEATURES, q->incompatible);
	put_be64(h + QCOW2_AT_FEATURES + 8, q->compatible);
	put_be64(h + QCOW2_AT_FEATURES + 16, q->autoclear);
	put_be32(h + 96, q->refcount_order);
}

static void
put_fields(const struct qcow2 *q, uint8_t *h)
{
	put_be32(h, QCOW2_MAGIC);
	put_be32(h + 4, q->version);
	put_be32(h + 20, q->cluster_bits);
	put_be32(h + QCOW2_AT_CRYPT, q->crypt_method);
	qcow2_put_state(q, h);
	if (q->version < 3)
		return;
	put_be32(h + 100, q->header_length);
	h[104] = (uint8_t)q->compression;
	if (q->unknown_header)
		memcpy(h + QCOW2_OUR_HEADER, q->unknown_header, q->header_length - QCOW2_OUR_HEADER);
}

/*
 * Where the backing image's name goes: from `at` on, but it stays where it is, and another one leaves the old one whole, which
 * is in force until the header's first sector is written.
 */
static uint64_t
name_place(const struct qcow2 *q, const uint8_t *old, uint64_t at, size_t len)
{
	uint64_t size = qcow2_cluster(q), was = get_be64(old + 8), was_len = get_be32(old + 16), after;

	if (!was || !was_len || !range_within(was, was_len, size))
		return at;
	if (was >= at && was_len == len && !memcmp(old + was, q->image.backing_name, len))
		return was;
	after = align_up(was + was_len, 8);
	return at + len > HEADER_UNIT && at < was + was_len && was < at + len && after >= at && range_within(after, len, size) ? after : at;
}

/* All of it in h, a cluster of zeroes; what lies behind it in the file does not matter, but may be the old name. */
static int
put_all(const struct qcow2 *q, const uint8_t *old, uint8_t *h, size_t *used)
{
	const char *name = q->image.backing_name, *format = q->image.backing_format;
	uint64_t size = qcow2_cluster(q), at = q->header_length;
	size_t len = name ? strlen(name) : 0;

	if (len > QCOW2_BACKING_MAX)
		return -EINVAL;
	put_fields(q, h);
	if (format && !put_ext(h, size, &at, QCOW2_EXT_BACKING_FORMAT, format, (uint32_t)strlen(format)))
		return -E2BIG;
	for (size_t n = 0; n < q->nexts; n++)
		if (!put_ext(h, size, &at, q->exts[n].type, q->exts[n].data, q->exts[n].len))
			return -E2BIG;
	if (size - at < 8 || size - at - 8 < len)
		return -E2BIG;
	at += 8; /* the end of the extensions: zeroes */
	memcpy(h + at, old + at, size - at);
	if (name) {
		at = name_place(q, old, at, len);
		put_be64(h + 8, at);
		put_be32(h + 16, (uint32_t)len);
		memcpy(h + at, name, len);
	}
	*used = min_u64(align_up(at + len, HEADER_UNIT), size);
	return 0;
}

/* What lies beyond the first sector is there before that sector says so: a cut between two sectors leaves one header or the other. */
static int
write_sectors(struct qcow2 *q, const uint8_t *h, size_t used)
{
	int err = 0;

	if (used > HEADER_UNIT)
		err = file_write(q->image.file, h + HEADER_UNIT, used - HEADER_UNIT, HEADER_UNIT);
	if (!err && used > HEADER_UNIT)
		err = qcow2_sync(q);
	return err ? err : file_write(q->image.file, h, min_u64(used, HEADER_UNIT), 0);
}

/* How much of its cluster the old header takes: extensions, the end of them, and the backing image's name. 0: there is none. */
static uint64_t
length_of(const uint8_t *old, uint64_t size)
{
	uint64_t at = get_be32(old + 4) < 3 ? QCOW2_V2_HEADER : get_be32(old + 100), name = get_be64(old + 8), len = get_be32(old + 16);

	if (get_be32(old) != QCOW2_MAGIC)
		return 0;
	while (range_within(at, 8, size) && get_be32(old + at))
		at += 8 + align_up((uint64_t)get_be32(old + at + 4), 8);
	if (range_within(name, len, size) && name + len > at + 8)
		at = name + len - 8;
	return min_u64(at + 8, size);
}

/*
 * As put_all. Where the old header, which is in force until the first sector is written, would not be whole any more behind that
 * sector, or where there is no room, the table of feature names goes, which anyone can do without: the rest fits the first sector.
 */
static int
put_beside(struct qcow2 *q, const uint8_t *old, uint8_t *h, size_t *used)
{
	uint64_t length = length_of(old, qcow2_cluster(q));
	int err = put_all(q, old, h, used);
	bool whole = length <= HEADER_UNIT || !memcmp(h + HEADER_UNIT, old + HEADER_UNIT, length - HEADER_UNIT);

	if (err ? err != -E2BIG : whole)
		return err;
	err = qcow2_ext_set(q, QCOW2_EXT_FEATURE_NAMES, NULL, 0);
	memset(h, 0, qcow2_cluster(q));
	return err ? err : put_all(q, old, h, used);
}

int
qcow2_write_header(struct qcow2 *q)
{
	size_t used, size = qcow2_cluster(q);
	uint8_t *h, *old;
	int err;

	/* Those of version 3 that were written before there was a compression type had 104 bytes. */
	q->header_length = q->version < 3	  ? QCOW2_V2_HEADER
			   : q->unknown_header ? q->header_length
					       : QCOW2_OUR_HEADER;
	h = calloc(2, size);
	if (!h)
		return -ENOMEM;
	old = h + size;
	err = file_read(q->image.file, old, size, 0);
	if (!err)
		err = put_beside(q, old, h, &used);
	if (!err) {
		err = write_sectors(q, h, used);
		q->broken |= err;
	}
	free(h);
	return err;
}

int
qcow2_write_features(struct qcow2 *q)
{
	uint8_t words[24];
	int err;

	put_be64(words, q->incompatible);
	put_be64(words + 8, q->compatible);
	put_be64(words + 16, q->autoclear);
	err = file_write(q->image.file, words, sizeof(words), QCOW2_AT_FEATURES);
	q->broken |= err;
	return err;
}
