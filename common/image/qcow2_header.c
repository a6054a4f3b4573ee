/* SPDX-License-Identifier: ISC */
/* qcow2's header and its extensions, read and checked. qcow2.txt, "Header". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_state.h"

#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
#define REFCOUNT_ORDER_MAX 6
#define EXTENDED_L2_CLUSTER_BITS_MIN 14
#define FEATURE_NAME 48 /* bytes of an entry of the feature name table: type, bit, name */

struct qcow2_ext *
qcow2_ext_find(struct qcow2 *q, uint32_t type)
{
	for (size_t n = 0; n < q->nexts; n++)
		if (q->exts[n].type == type)
			return &q->exts[n];
	return NULL;
}

static int
ext_add(struct qcow2 *q, uint32_t type, const void *data, uint32_t len)
{
	struct qcow2_ext *more = realloc(q->exts, (q->nexts + 1) * sizeof(*more));
	uint8_t *copy = malloc(len ? len : 1);

	if (more)
		q->exts = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, data, len);
	q->exts[q->nexts++] = (struct qcow2_ext){type, len, copy};
	return 0;
}

int
qcow2_ext_set(struct qcow2 *q, uint32_t type, const void *data, uint32_t len)
{
	struct qcow2_ext *e = qcow2_ext_find(q, type);
	uint8_t *copy;

	if (!e)
		return data ? ext_add(q, type, data, len) : 0;
	if (!data) {
		free(e->data);
		q->nexts--;
		memmove(e, e + 1, (size_t)(q->exts + q->nexts - e) * sizeof(*e));
		return 0;
	}
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	free(e->data);
	*e = (struct qcow2_ext){type, len, copy};
	return 0;
}

void
qcow2_free_header(struct qcow2 *q)
{
	for (size_t n = 0; n < q->nexts; n++)
		free(q->exts[n].data);
	free(q->exts);
	free(q->unknown_header);
}

/* What of version 2 follows from its fields alone. */
static const char *
parse_v2(struct qcow2 *q, const uint8_t *h, struct why *w)
{
	q->version = get_be32(h + 4);
	q->cluster_bits = get_be32(h + 20);
	q->image.size = get_be64(h + QCOW2_AT_SIZE);
	q->crypt_method = get_be32(h + QCOW2_AT_CRYPT);
	q->l1_size = get_be32(h + QCOW2_AT_L1);
	q->l1_offset = get_be64(h + QCOW2_AT_L1 + 4);
	q->reftable_offset = get_be64(h + QCOW2_AT_REFTABLE);
	q->reftable_clusters = get_be32(h + QCOW2_AT_REFTABLE + 8);
	q->nsnapshots = get_be32(h + QCOW2_AT_SNAPSHOTS);
	q->snapshots_offset = get_be64(h + QCOW2_AT_SNAPSHOTS + 4);
	q->header_length = QCOW2_V2_HEADER;
	q->refcount_order = 4;
	if (get_be32(h) != QCOW2_MAGIC)
		return why(w, "not a qcow2 image");
	if (q->version != 2 && q->version != 3)
		return why(w, "qcow2 of version %u, not 2 or 3", q->version);
	if (q->cluster_bits < CLUSTER_BITS_MIN || q->cluster_bits > CLUSTER_BITS_MAX)
		return why(w, "clusters of 2^%u bytes, not 2^%d to 2^%d", q->cluster_bits, CLUSTER_BITS_MIN, CLUSTER_BITS_MAX);
	return NULL;
}

/* The header's further fields; h is as long as header_length says. */
static const char *
parse_v3(struct qcow2 *q, const uint8_t *h, struct why *w)
{
	q->incompatible = get_be64(h + QCOW2_AT_FEATURES);
	q->compatible = get_be64(h + QCOW2_AT_FEATURES + 8);
	q->autoclear = get_be64(h + QCOW2_AT_FEATURES + 16);
	q->refcount_order = get_be32(h + 96);
	if (q->header_length > QCOW2_V3_HEADER)
		q->compression = h[104];
	if (q->refcount_order > REFCOUNT_ORDER_MAX)
		return why(w, "refcounts of 2^%u bits, not 2^0 to 2^%d", q->refcount_order, REFCOUNT_ORDER_MAX);
	if (q->header_length > QCOW2_OUR_HEADER) {
		q->unknown_header = malloc(q->header_length - QCOW2_OUR_HEADER);
		if (!q->unknown_header)
			return why(w, "%s", strerror(ENOMEM));
		memcpy(q->unknown_header, h + QCOW2_OUR_HEADER, q->header_length - QCOW2_OUR_HEADER);
	}
	return NULL;
}

static const char *
parse_exts(struct qcow2 *q, const uint8_t *h, uint64_t end, struct why *w)
{
	uint64_t at = q->header_length;

	while (end - at >= 8) {
		uint32_t type = get_be32(h + at), len = get_be32(h + at + 4);

		at += 8;
		if (!type)
			return NULL;
		if (len > end - at)
			return why(w, "header extension %#x is longer than the header", type);
		if (type == QCOW2_EXT_BACKING_FORMAT) {
			free(q->image.backing_format);
			q->image.backing_format = strndup((const char *)h + at, len);
		}
		if (type == QCOW2_EXT_BACKING_FORMAT ? !q->image.backing_format : ext_add(q, type, h + at, len))
			return why(w, "%s", strerror(ENOMEM));
		at = min_u64(at + align_up(len, 8), end);
	}
	return NULL;
}

/* The name lies behind the extensions, in the first cluster; there is none where its offset is 0. */
static const char *
parse_backing(struct qcow2 *q, const uint8_t *h, uint64_t off, uint32_t len, struct why *w)
{
	if (!off)
		return NULL;
	if (len > QCOW2_BACKING_MAX || off < q->header_length || !range_within(off, len, qcow2_cluster(q)))
		return why(w, "the name of the backing image does not lie in the first cluster");
	if (!len)
		return NULL;
	q->image.backing_name = strndup((const char *)h + off, len);
	return q->image.backing_name ? NULL : why(w, "%s", strerror(ENOMEM));
}

/* Names the first incompatible feature that is not known, as the image itself does where it does. */
static const char *
refuse_feature(struct qcow2 *q, uint64_t unknown, struct why *w)
{
	struct qcow2_ext *names = qcow2_ext_find(q, QCOW2_EXT_FEATURE_NAMES);
	int bit = __builtin_ctzll(unknown);

	for (uint32_t at = 0; names && names->len - at >= FEATURE_NAME; at += FEATURE_NAME)
		if (!names->data[at] && names->data[at + 1] == bit)
			return why(w, "needs a feature that is not known here: %.46s", (const char *)names->data + at + 2);
	return why(w, "needs a feature that is not known here: incompatible bit %d", bit);
}

static const char *
check_features(struct qcow2 *q, struct why *w)
{
	uint64_t unknown = q->incompatible & ~QCOW2_INCOMPATIBLE_KNOWN;

	if (unknown)
		return refuse_feature(q, unknown, w);
	if (q->incompatible & QCOW2_EXTENDED_L2 && q->cluster_bits < EXTENDED_L2_CLUSTER_BITS_MIN)
		return why(w, "extended L2 entries need clusters of at least 16 KiB");
	if (q->compression > QCOW2_ZSTD)
		return why(w, "compressed by a method that is not known here: %u", q->compression);
	if (!(q->incompatible & QCOW2_COMPRESSION) != !q->compression)
		return why(w, "the compression type and its feature bit disagree");
	if (q->crypt_method > 2)
		return why(w, "encrypted by a method that is not known here: %u", q->crypt_method);
	return NULL;
}

/* What is read from one end to the other is read in long pieces; else big clusters cost no more than small ones. */
static unsigned
slice_bits(const struct qcow2 *q)
{
	unsigned most = q->flags & IMAGE_ONCE && !(q->flags & IMAGE_WRITE) ? 16 : 12;

	return q->cluster_bits < most ? q->cluster_bits : most;
}

void
qcow2_derive(struct qcow2 *q)
{
	q->entry_bits = q->incompatible & QCOW2_EXTENDED_L2 ? 4 : 3;
	q->l2_bits = q->cluster_bits - q->entry_bits;
	q->refblock_bits = q->cluster_bits + 3 - q->refcount_order;
	q->slice_bits = slice_bits(q);
	q->image.cluster_size = (uint32_t)qcow2_cluster(q);
	q->image.encrypted = q->crypt_method;
	q->image.dirty = q->incompatible & QCOW2_DIRTY;
}

static const char *
parse_rest(struct qcow2 *q, uint8_t *h, struct why *w)
{
	uint64_t cluster = qcow2_cluster(q), backing = get_be64(h + 8);
	uint64_t end = backing ? min_u64(backing, cluster) : cluster;
	const char *reason = NULL;

	/* In version 2 the fields of version 3 are where the extensions are. */
	if (q->version == 3) {
		q->header_length = get_be32(h + 100);
		if (q->header_length < QCOW2_V3_HEADER || q->header_length > cluster)
			return why(w, "a header of %u bytes", q->header_length);
		reason = parse_v3(q, h, w);
	}
	if (!reason && end < q->header_length)
		reason = why(w, "the name of the backing image does not lie behind the header");
	if (!reason)
		reason = parse_exts(q, h, end, w);
	if (!reason)
		reason = check_features(q, w);
	if (!reason)
		reason = parse_backing(q, h, backing, get_be32(h + 16), w);
	if (!reason)
		qcow2_derive(q);
	return reason;
}

const char *
qcow2_parse(struct qcow2 *q, struct why *w)
{
	uint8_t head[QCOW2_OUR_HEADER], *h;
	const char *reason;
	int err = file_read(q->image.file, head, sizeof(head), 0);

	if (err)
		return why(w, "%s", strerror(-err));
	if (q->image.file->size < QCOW2_V2_HEADER)
		return why(w, "not a qcow2 image");
	reason = parse_v2(q, head, w);
	if (reason)
		return reason;
	h = malloc(qcow2_cluster(q));
	if (!h)
		return why(w, "%s", strerror(ENOMEM));
	err = file_read(q->image.file, h, qcow2_cluster(q), 0);
	reason = err ? why(w, "%s", strerror(-err)) : parse_rest(q, h, w);
	free(h);
	return reason;
}
