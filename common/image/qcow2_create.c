/* SPDX-License-Identifier: ISC */
/*
 * New qcow2 images: what the options ask for, then all tables in a row: header, refcount table, its blocks, LUKS's header, L1,
 * L2 tables and data. So they are written from front to back, however many they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/crypt.h"
#include "common/image/qcow2_state.h"

#define STRIDE (1 << 20) /* bytes of tables that are written at once */
#define DIRECT_MIN (8 << 20)

const struct image_option qcow2_options[] = {
	{"size", OPTION_SIZE, "virtual disk size", false},
	{"backing_file", OPTION_STRING, "name of a backing image", true},
	{"backing_fmt", OPTION_STRING, "format of the backing image", true},
	{"cluster_size", OPTION_SIZE, "512 to 2M: 64k", false},
	{"compat", OPTION_STRING, "v3 (1.1), or v2 (0.10)", true},
	{"compression_type", OPTION_STRING, "of compressed clusters: zlib, zstd", false},
	{"data_file", OPTION_STRING, "name of a file of its own for the data", false},
	{"data_file_raw", OPTION_BOOL, "the data file is a raw image of the disk at all times", true},
	{"extended_l2", OPTION_BOOL, "clusters have 32 subclusters, which are allocated one by one", false},
	{"lazy_refcounts", OPTION_BOOL, "refcounts may be behind, and are counted anew after a crash", true},
	{"preallocation", OPTION_STRING, "off, metadata (tables), falloc (space, too), full (written)", false},
	{"refcount_bits", OPTION_NUMBER, "width of a refcount, 1 to 64: 16", true},
	{"nocow", OPTION_BOOL, "the file is not copied on write (btrfs)", false},
	CRYPT_OPTIONS,
	{"encryption", OPTION_BOOL, "encrypt.format=aes", false},
	{NULL, 0, NULL, false},
};

/* Runs of clusters, in the file's order. */
struct layout {
	uint64_t reftable, blocks, crypto, l1, l2, data, end; /* the first cluster of each */
	uint64_t disk;					      /* clusters of the disk that are mapped */
	uint64_t host;					      /* byte where the first of them is */
};

enum preallocation { OFF, METADATA, FALLOC, FULL };

struct plan {
	struct qcow2 q; /* what the header says */
	struct crypt_new crypt;
	struct layout at;
	const char *data_name;
	enum preallocation preallocation;
	bool data_raw;
};

static const char *
text_of(const struct image_create *c, const char *name)
{
	const struct image_setting *s = image_setting(c, name);

	return s ? s->text : NULL;
}

/* The place of the setting's word among `words`; without a setting that of the first. */
static const char *
one_of(const struct image_create *c, const char *name, const char *const *words, unsigned *which, struct why *w)
{
	const char *text = text_of(c, name);

	for (*which = 0; text && words[*which]; ++*which)
		if (!strcmp(words[*which], text))
			return NULL;
	return text ? why(w, "%s: no such %s", text, name) : NULL;
}

static bool
power_of_two(uint64_t v, uint64_t least, uint64_t most)
{
	return v >= least && v <= most && !(v & (v - 1));
}

/* Version, sizes and widths. */
static const char *
plan_shape(struct plan *p, const struct image_create *c, struct why *w)
{
	static const char *const compats[] = {"1.1", "v3", "0.10", "v2", NULL};
	static const char *const methods[] = {"zlib", "zstd", NULL};
	uint64_t cluster = image_number(c, "cluster_size", 64 << 10), bits = image_number(c, "refcount_bits", 16);
	unsigned compat, method;
	const char *reason = one_of(c, "compat", compats, &compat, w);

	if (!reason)
		reason = one_of(c, "compression_type", methods, &method, w);
	if (reason)
		return reason;
	if (!power_of_two(cluster, 512, 2 << 20))
		return why(w, "Cluster size must be a power of two between 512 and 2048k");
	if (!power_of_two(bits, 1, 64))
		return why(w, "Refcount width must be a power of two and may not exceed 64 bits");
	p->q.version = compat < 2 ? 3 : 2;
	p->q.compression = method;
	p->q.cluster_bits = (unsigned)__builtin_ctzll(cluster);
	p->q.refcount_order = (unsigned)__builtin_ctzll(bits);
	if (c->size > IMAGE_SIZE_MAX)
		return why(w, "a disk of %llu bytes is too large", (unsigned long long)c->size);
	p->q.image.size = align_up(c->size, 512);
	return NULL;
}

/* What version 3 brought. */
static const char *
plan_features(struct plan *p, const struct image_create *c, struct why *w)
{
	struct qcow2 *q = &p->q;
	const char *v3 = NULL;

	if (image_number(c, "lazy_refcounts", 0)) {
		q->compatible |= QCOW2_LAZY_REFCOUNTS;
		v3 = "lazy_refcounts";
	}
	if (image_number(c, "extended_l2", 0)) {
		q->incompatible |= QCOW2_EXTENDED_L2;
		v3 = "extended_l2";
	}
	if (q->compression) {
		q->incompatible |= QCOW2_COMPRESSION;
		v3 = "compression_type=zstd";
	}
	if (p->data_name) {
		q->incompatible |= QCOW2_DATA_FILE;
		v3 = "data_file";
	}
	if (p->data_raw)
		q->autoclear |= QCOW2_DATA_FILE_RAW;
	if (q->refcount_order != 4)
		v3 = "refcounts of other than 16 bits";
	if (q->version < 3 && v3)
		return why(w, "%s: only with compat=v3 (1.1)", v3);
	if (q->incompatible & QCOW2_EXTENDED_L2 && q->cluster_bits < 14)
		return why(w, "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes");
	return NULL;
}

static const char *
plan_data(struct plan *p, const struct image_create *c, struct why *w)
{
	static const char *const words[] = {"off", "metadata", "falloc", "full", NULL};
	const char *reason = one_of(c, "preallocation", words, &p->preallocation, w);

	if (reason)
		return reason;
	p->data_name = text_of(c, "data_file");
	p->data_raw = image_number(c, "data_file_raw", 0);
	if (p->data_raw && !p->data_name)
		return why(w, "data_file_raw requires data_file");
	if (p->data_raw && c->backing_name)
		return why(w, "Backing file and data-file-raw cannot be used at the same time");
	if (p->preallocation && c->backing_name && !image_number(c, "extended_l2", 0))
		return why(w, "Backing file and preallocation can only be used at the same time if extended_l2 is enabled");
	if (c->backing_name && strlen(c->backing_name) > QCOW2_BACKING_MAX)
		return why(w, "the name of the backing image is longer than %d bytes", QCOW2_BACKING_MAX);
	/* Who reads the data file alone finds data where the tables say, so they have to. */
	if (p->data_raw && !p->preallocation)
		p->preallocation = METADATA;
	return NULL;
}

/* Counts are needed for the tables of counts, too: so until nothing grows any more. */
static const char *
plan_layout(struct plan *p, struct why *w)
{
	struct qcow2 *q = &p->q;
	struct layout *at = &p->at;
	uint64_t l1 = qcow2_l1_needed(q, q->image.size), per_block = 1ULL << q->refblock_bits, reftable = 1, blocks = 1, before;

	if (l1 > QCOW2_L1_MAX / 8)
		return why(w, "a disk of %llu bytes is too large for clusters of %llu; make those larger",
			   (unsigned long long)q->image.size, (unsigned long long)qcow2_cluster(q));
	at->disk = p->preallocation ? qcow2_clusters(q, q->image.size) : 0;
	do {
		before = blocks + reftable;
		at->reftable = 1;
		at->blocks = at->reftable + reftable;
		at->crypto = at->blocks + blocks;
		at->l1 = at->crypto + qcow2_clusters(q, p->crypt.header_len);
		at->l2 = at->l1 + qcow2_clusters(q, l1 * 8);
		at->data = at->l2 + (at->disk ? l1 : 0);
		at->end = at->data + (p->data_name ? 0 : at->disk);
		blocks = (at->end + per_block - 1) / per_block;
		reftable = qcow2_clusters(q, blocks * 8);
	} while (blocks + reftable != before);
	if (reftable << q->cluster_bits > QCOW2_REFTABLE_MAX)
		return why(w, "too many clusters to count; make them larger");
	at->host = p->data_name ? 0 : at->data << q->cluster_bits;
	q->l1_size = (uint32_t)l1;
	q->l1_offset = l1 ? at->l1 << q->cluster_bits : 0;
	q->reftable_offset = at->reftable << q->cluster_bits;
	q->reftable_clusters = (uint32_t)reftable;
	return NULL;
}

/* Entries n of a table from `first` on. */
typedef void filler(const struct plan *p, uint8_t *buf, uint64_t first, uint64_t n);

static void
fill_reftable(const struct plan *p, uint8_t *buf, uint64_t first, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		put_be64(buf + k * 8, (p->at.blocks + first + k) << p->q.cluster_bits);
}

static void
fill_l1(const struct plan *p, uint8_t *buf, uint64_t first, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		put_be64(buf + k * 8, (p->at.l2 + first + k) << p->q.cluster_bits | QCOW2_COPIED);
}

static void
fill_l2(const struct plan *p, uint8_t *buf, uint64_t first, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		put_be64(buf + (k << p->q.entry_bits), (p->at.host + ((first + k) << p->q.cluster_bits)) | QCOW2_COPIED);
}

/* By bytes where a count is less than one: n and first are multiples of 8 then, but for the end. */
static void
fill_counts(const struct plan *p, uint8_t *buf, uint64_t first, uint64_t n)
{
	unsigned order = p->q.refcount_order, per_byte = order < 3 ? 8U >> order : 1;
	uint8_t one = (uint8_t[]){0xff, 0x55, 0x11, 1, 1, 1, 1}[order];
	size_t width = order < 3 ? 1 : 1U << (order - 3);

	(void)first;
	for (uint64_t k = 0; k < n / per_byte; k++)
		buf[(k + 1) * width - 1] = one;
	if (n % per_byte)
		buf[n / per_byte] = (uint8_t)(one & ((1U << ((n % per_byte) << order)) - 1));
}

/* A table of n entries of 2^bits bits each, from `off` on. A long one goes past the page cache, where the file can. */
static int
write_table(const struct plan *p, filler *fill, uint64_t off, uint64_t n, unsigned bits)
{
	uint64_t bytes = ((n << bits) + 7) >> 3, size = min_u64(align_up(bytes, FILE_DIRECT_ALIGN), STRIDE), len;
	struct file *f = p->q.image.file;
	bool direct = bytes >= DIRECT_MIN && !(qcow2_cluster(&p->q) % FILE_DIRECT_ALIGN) && file_direct(f, true);
	uint8_t *buf = aligned_alloc(FILE_DIRECT_ALIGN, size ? size : FILE_DIRECT_ALIGN);
	int err = buf ? 0 : -ENOMEM;

	for (uint64_t first = 0, count; first < n && !err; first += count) {
		count = min_u64(n - first, (uint64_t)STRIDE << 3 >> bits);
		len = ((count << bits) + 7) >> 3;
		memset(buf, 0, size);
		fill(p, buf, first, count);
		err = file_write(f, buf, direct ? align_up(len, FILE_DIRECT_ALIGN) : len, off + (first << bits >> 3));
	}
	free(buf);
	if (direct)
		file_direct(f, false);
	return err;
}

static int
write_tables(struct plan *p, struct file *f)
{
	const struct layout *at = &p->at;
	unsigned bits = p->q.cluster_bits;
	/* The last table is as long as it has to be: what is behind it in its cluster is the end of the file. */
	uint64_t end = at->disk ? at->data << bits : p->q.l1_size ? p->q.l1_offset + p->q.l1_size * 8ULL : at->l1 << bits;
	int err = file_zero(f, 0, end, !f->block_device);

	if (!err)
		err = write_table(p, fill_reftable, at->reftable << bits, at->crypto - at->blocks, 6);
	if (!err)
		err = write_table(p, fill_counts, at->blocks << bits, at->end, p->q.refcount_order);
	if (!err)
		err = write_table(p, fill_l1, at->l1 << bits, at->data - at->l2, 6);
	return err ? err : write_table(p, fill_l2, at->l2 << bits, at->disk, p->q.entry_bits + 3);
}

/* Space for the data, as the tables say that it is. */
static int
reserve_data(const struct plan *p, struct file *f)
{
	uint64_t len = p->at.disk << p->q.cluster_bits;
	int err;

	if (!len)
		return 0;
	err = p->preallocation == FULL ? file_zero(f, p->at.host, len, false) : file_truncate(f, p->at.host + len);
	return err || p->preallocation != FALLOC ? err : file_reserve(f, p->at.host, len);
}

static const char *
create_data(struct plan *p, const struct image_create *c, struct why *w)
{
	struct file *f = p->q.image.file;
	int err;

	if (p->data_name) {
		f = c->beside ? c->beside(c->user, p->data_name, w) : NULL;
		if (!f)
			return c->beside ? w->text : why(w, "there is no place for a data file");
		err = file_truncate(f, p->q.image.size);
		if (err)
			return why(w, "%s: %s", p->data_name, strerror(-err));
	}
	err = reserve_data(p, f);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

/* What a program that does not know a feature calls it. qcow2.txt, "Feature name table". */
static int
put_feature_names(struct qcow2 *q)
{
	static const struct {
		uint8_t type, bit;
		char name[46];
	} names[] = {
	    {0, 0, "dirty bit"}, {0, 1, "corrupt bit"}, {0, 2, "external data file"}, {0, 3, "compression type"},
	    {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"}, {2, 0, "bitmaps"}, {2, 1, "raw external data"},
	};

	/* As QEMU: in small clusters the room is the backing image's name's. */
	return q->version < 3 || q->cluster_bits <= 12 ? 0 : qcow2_ext_set(q, QCOW2_EXT_FEATURE_NAMES, names, sizeof(names));
}

static int
put_extensions(struct plan *p)
{
	uint8_t where[16];
	int err = 0;

	if (p->data_name)
		err = qcow2_ext_set(&p->q, QCOW2_EXT_DATA_FILE, p->data_name, (uint32_t)strlen(p->data_name));
	put_be64(where, p->at.crypto << p->q.cluster_bits);
	put_be64(where + 8, p->crypt.header_len);
	if (!err && p->crypt.header_len)
		err = qcow2_ext_set(&p->q, QCOW2_EXT_CRYPTO, where, sizeof(where));
	return err ? err : put_feature_names(&p->q);
}

/* The image is one once its header is there: that comes last. */
static const char *
carry_out(struct plan *p, const struct image_create *c, struct why *w)
{
	const char *reason;
	int err = write_tables(p, c->file);

	if (err)
		return why(w, "%s", strerror(-err));
	reason = p->crypt.header_len ? crypt_create(&p->crypt, c, p->at.crypto << p->q.cluster_bits, w) : NULL;
	if (!reason)
		reason = create_data(p, c, w);
	if (reason)
		return reason;
	err = put_extensions(p);
	if (!err)
		err = qcow2_write_header(&p->q);
	return err ? why(w, "header: %s", err == -E2BIG ? "does not fit a cluster" : strerror(-err)) : NULL;
}

const char *
qcow2_create(const struct image_create *c, struct why *w)
{
	struct plan p = {.q.image.file = c->file};
	const char *reason = plan_data(&p, c, w);

	if (!reason)
		reason = plan_shape(&p, c, w);
	if (!reason)
		reason = plan_features(&p, c, w);
	if (!reason)
		reason = crypt_new(&p.crypt, c, w);
	if (reason)
		return reason;
	qcow2_derive(&p.q);
	reason = plan_layout(&p, w);
	if (reason)
		return reason;
	if (image_number(c, "nocow", 0))
		file_nocow(c->file);
	p.q.crypt_method = p.crypt.method;
	p.q.image.backing_name = c->backing_name ? strdup(c->backing_name) : NULL;
	p.q.image.backing_format = c->backing_format ? strdup(c->backing_format) : NULL;
	if ((c->backing_name && !p.q.image.backing_name) || (c->backing_format && !p.q.image.backing_format))
		reason = why(w, "%s", strerror(ENOMEM));
	else
		reason = carry_out(&p, c, w);
	qcow2_free_header(&p.q);
	free(p.q.image.backing_name);
	free(p.q.image.backing_format);
	return reason;
}
