/* SPDX-License-Identifier: ISC */
/*
 * qcow, version 1: what its header and entries say; levels.c does the rest. Numbers are big-endian. There is no document but
 * QEMU's use of it. AES is read, and never written: it protects nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/crypt.h"
#include "common/image/formats.h"
#include "common/image/levels.h"
#include "common/image/unpack.h"

#define MAGIC 0x514649fb
#define PACKED ((uint64_t)1 << 63) /* in an L2 entry */

enum {
	HEADER_VERSION = 4,
	HEADER_BACKING_AT = 8,
	HEADER_BACKING_LEN = 16,
	HEADER_SIZE = 24,
	HEADER_CLUSTER_BITS = 32,
	HEADER_L2_BITS = 33,
	HEADER_CRYPT = 36,
	HEADER_L1 = 40,
	HEADER_LEN = 48,
};

struct qcow {
	struct levels levels;
	unsigned packed_shift; /* an entry of a compressed cluster: its length from this bit on, below it its place */
	struct crypt *crypt;   /* or NULL */
};

static struct qcow *
qcow_of(struct image *i)
{
	return (struct qcow *)i;
}

static bool
qcow_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= HEADER_LEN && get_be32(head) == MAGIC && get_be32(head + HEADER_VERSION) == 1;
}

static const char *
look(const uint8_t *h, struct why *w)
{
	if (get_be32(h) != MAGIC || get_be32(h + HEADER_VERSION) != 1)
		return why(w, "not a qcow image of version 1");
	if (get_be64(h + HEADER_SIZE) < 2 || get_be64(h + HEADER_SIZE) > IMAGE_SIZE_MAX)
		return why(w, "a disk of %llu bytes is none", (unsigned long long)get_be64(h + HEADER_SIZE));
	if (h[HEADER_CLUSTER_BITS] < 9 || h[HEADER_CLUSTER_BITS] > 16)
		return why(w, "clusters of 2^%u bytes: they have 512 to 64K", h[HEADER_CLUSTER_BITS]);
	if (h[HEADER_L2_BITS] < 6 || h[HEADER_L2_BITS] > 13)
		return why(w, "L2 tables of 2^%u entries: they have 64 to 8192", h[HEADER_L2_BITS]);
	if (get_be32(h + HEADER_CRYPT) > 1)
		return why(w, "encryption %u is unknown", get_be32(h + HEADER_CRYPT));
	if (get_be32(h + HEADER_BACKING_LEN) > 1023 && get_be64(h + HEADER_BACKING_AT))
		return why(w, "the backing image's name is too long");
	return NULL;
}

static int
decode(struct levels *v, uint64_t entry, struct extent *e)
{
	struct qcow *q = qcow_of(&v->image);
	uint64_t len = v->image.cluster_size;

	e->off = entry;
	e->kind = q->crypt ? EXTENT_PACKED : EXTENT_DATA;
	e->in_place = !q->crypt;
	if (entry & PACKED) {
		len = (entry & ~PACKED) >> q->packed_shift;
		e->off = entry & (((uint64_t)1 << q->packed_shift) - 1);
		e->kind = EXTENT_PACKED;
		e->in_place = false;
		e->unit_at = e->at;
		e->unit_len = v->image.cluster_size;
		e->packed_len = (uint32_t)len;
	}
	e->file = v->image.file;
	if (len && levels_sound(v, e->file, e->off, len))
		return 0;
	return image_fault(&v->image, "the cluster at %#llx of the disk can not be at %#llx", (unsigned long long)e->at,
	    (unsigned long long)entry);
}

static const char *
read_backing(struct image *i, const uint8_t *h, struct file *f, struct why *w)
{
	uint32_t len = get_be32(h + HEADER_BACKING_LEN);
	uint64_t at = get_be64(h + HEADER_BACKING_AT);
	int err;

	if (!at)
		return NULL;
	if (!range_within(at, len, f->size))
		return why(w, "the backing image's name is not within the file");
	i->backing_name = calloc(1, len + 1);
	err = i->backing_name ? file_read(f, i->backing_name, len, at) : -ENOMEM;
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

static const char *
read_crypt(struct qcow *q, const uint8_t *h, const struct image_open *how, struct why *w)
{
	if (!get_be32(h + HEADER_CRYPT))
		return NULL;
	q->levels.image.encrypted = true;
	if (how->flags & IMAGE_WRITE)
		return why(w, "encrypted qcow images are not written, only read");
	q->crypt = crypt_open_aes(how, w);
	return q->crypt ? NULL : w->text;
}

static const char *
qcow_load(struct qcow *q, const struct image_open *how, struct why *w)
{
	struct levels *v = &q->levels;
	uint8_t h[HEADER_LEN];
	const char *reason;
	int err = file_read(how->file, h, HEADER_LEN, 0);

	if (err)
		return why(w, "%s", strerror(-err));
	reason = look(h, w);
	if (reason)
		return reason;
	v->big_endian = true;
	v->image.size = align_down(get_be64(h + HEADER_SIZE), 512);
	v->image.cluster_size = 1U << h[HEADER_CLUSTER_BITS];
	v->image.pack = PACK_DEFLATE;
	q->packed_shift = 63U - h[HEADER_CLUSTER_BITS];
	v->first = HEADER_LEN;
	v->l2_len = (uint64_t)8 << h[HEADER_L2_BITS];
	v->l1 = (struct table){get_be64(h + HEADER_L1), (get_be64(h + HEADER_SIZE) - 1) / levels_span(v) * 8 + 8};
	v->decode = decode;
	if (v->l1.len > INT32_MAX)
		return why(w, "the disk is too large for its clusters and L2 tables");
	if (v->l1.start < v->first || !range_within(v->l1.start, v->l1.len, how->file->size))
		return why(w, "the L1 table is not within the file");
	reason = read_backing(&v->image, h, how->file, w);
	if (!reason)
		reason = read_crypt(q, h, how, w);
	if (!reason && !levels_open(v, how->file))
		reason = why(w, "%s", strerror(ENOMEM));
	return reason;
}

static void
qcow_close(struct image *i)
{
	crypt_close(qcow_of(i)->crypt);
	levels_close(i);
}

static struct image *
qcow_open(const struct image_open *how, struct why *w)
{
	struct qcow *q = calloc(1, sizeof(*q));

	if (!q) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!qcow_load(q, how, w))
		return &q->levels.image;
	free(q->levels.image.backing_name);
	qcow_close(&q->levels.image);
	return NULL;
}

static int
qcow_unpack(const struct extent *e, void *unit, struct unpacker *u)
{
	uint8_t *packed = unpacker_room(u, e->packed_len);
	int err = packed ? file_read(e->file, packed, e->packed_len, e->off) : -ENOMEM;

	return err ? err : unpack_deflate(u, packed, e->packed_len, unit, e->unit_len);
}

static int
qcow_decrypt(const struct extent *e, void *buf, size_t len)
{
	return crypt_decrypt(qcow_of(e->image)->crypt, e->off, e->at, buf, len);
}

/* Packed bytes lie end to end; no table refers to them before they are on disk. */
static int
qcow_write_packed(struct image *i, const void *packed, size_t len, uint64_t off)
{
	struct qcow *q = qcow_of(i);
	uint64_t to = i->file->size;
	int err;

	if (len >= i->cluster_size || off % i->cluster_size)
		return -EINVAL;
	if (to >> q->packed_shift)
		return -EFBIG;
	err = file_write(i->file, packed, len, to);
	return err ? err : levels_set(&q->levels, off, PACKED | (uint64_t)len << q->packed_shift | to);
}

static const struct image_option options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"backing_file", OPTION_STRING, "name of a backing image", false},
	{"backing_fmt", OPTION_STRING, "format of the backing image, which is not recorded", false},
	{NULL, 0, NULL, false},
};

/* As QEMU: small clusters on a backing image, as a write there copies the rest of a cluster; else larger ones. */
static const char *
qcow_create(const struct image_create *c, struct why *w)
{
	unsigned cluster_bits = c->backing_name ? 9 : 12, l2_bits = c->backing_name ? 12 : 9;
	size_t name_len = c->backing_name ? strlen(c->backing_name) : 0;
	uint64_t l1 = align_up(HEADER_LEN + name_len, 8), size = align_up(c->size, 512), span = (uint64_t)1 << (cluster_bits + l2_bits);
	uint8_t h[HEADER_LEN] = {0};
	int err;

	if (name_len > 1023)
		return why(w, "the backing image's name is too long");
	if (!size || (size + span - 1) / span > INT32_MAX / 8)
		return why(w, "a qcow image has at least 512 bytes and at most %llu GiB", (unsigned long long)(INT32_MAX / 8 * (span >> 20) >> 10));
	put_be32(h, MAGIC);
	put_be32(h + HEADER_VERSION, 1);
	put_be64(h + HEADER_BACKING_AT, name_len ? HEADER_LEN : 0);
	put_be32(h + HEADER_BACKING_LEN, (uint32_t)name_len);
	put_be64(h + HEADER_SIZE, size);
	h[HEADER_CLUSTER_BITS] = (uint8_t)cluster_bits;
	h[HEADER_L2_BITS] = (uint8_t)l2_bits;
	put_be64(h + HEADER_L1, l1);
	err = file_truncate(c->file, align_up(l1 + (size + span - 1) / span * 8, 512));
	if (!err)
		err = file_write(c->file, c->backing_name, name_len, HEADER_LEN);
	if (!err)
		err = file_write(c->file, h, HEADER_LEN, 0);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

const struct format format_qcow = {
	.name = "qcow",
	.options = options,
	.probe = qcow_probe,
	.open = qcow_open,
	.close = qcow_close,
	.create = qcow_create,
	.map = levels_map,
	.unpack = qcow_unpack,
	.decrypt = qcow_decrypt,
	.write = levels_write,
	.write_packed = qcow_write_packed,
	.zero = levels_zero,
	.discard = levels_discard,
	.flush = levels_flush,
	.make_empty = levels_make_empty,
};
