/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/describe.h"
#include "common/util.h"
#include "vm-img/formats.h"
#include "vm-img/measure.h"

#define L1_BYTES_MAX (32 << 20) /* QEMU opens no larger one */
#define ENTRY 8			/* of an L1 or refcount table, bytes */
#define DIR_ENTRY 24		/* of a bitmap directory, without the name: qcow2.txt, "Bitmap directory" */
#define SECTOR 512

/* What of a new qcow2 image decides how large it is. */
struct layout {
	uint64_t cluster, entry; /* bytes of a cluster, of an L2 entry */
	unsigned refcount_bits;
	bool version2;
};

static uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return a / b + !!(a % b);
}

/* Every cluster has a refcount, those of refcounts too: the blocks and the table of so many clusters and of their own. */
static uint64_t
refcount_bytes(const struct layout *l, uint64_t clusters)
{
	uint64_t in_block = l->cluster * 8 / l->refcount_bits, blocks = 0, table = 0, n = 0, last;

	do {
		last = n;
		blocks = divide_up(clusters + table + blocks, in_block);
		table = divide_up(blocks, l->cluster / ENTRY);
		n = clusters + blocks + table;
	} while (n != last);
	return (blocks + table) * l->cluster;
}

static uint64_t
full_bytes(const struct layout *l, uint64_t size)
{
	uint64_t in_l2 = l->cluster / l->entry, in_l1 = l->cluster / ENTRY;
	uint64_t tables = divide_up(size / l->cluster, in_l2);
	uint64_t metadata = l->cluster /* the header */ + tables * l->cluster + divide_up(tables, in_l1) * l->cluster;

	return size + metadata + refcount_bytes(l, (metadata + size) / l->cluster);
}

/* The bytes of the source that have to be written, in whole clusters. */
static const char *
data_bytes(struct image *i, uint64_t cluster, uint64_t *sum, struct why *w)
{
	struct extent e;

	*sum = 0;
	for (uint64_t off = 0; off < i->size; off += e.len) {
		int err = image_map_chain(i, off, i->size - off, &e, NULL);

		if (err)
			return why(w, "%s: what is at byte %" PRIu64 ": %s", i->file->name, off, strerror(-err));
		if (e.kind == EXTENT_HOLE || e.kind == EXTENT_ZERO)
			continue;
		e.len = align_up(off + e.len, cluster) - off;
		*sum += off % cluster + e.len;
	}
	return NULL;
}

/* The bitmaps of the source, from what it says of itself. */
struct bitmaps {
	struct describe describe;
	const struct layout *layout;
	uint64_t size, sum, directory;
	unsigned depth;	/* in the list "bitmaps": 1; in one of it: 2 */
	uint64_t granularity;
	size_t name_len;
	bool broken;
};

static void
bitmap_string(struct describe *d, const char *key, const char *value)
{
	struct bitmaps *b = container_of(d, struct bitmaps, describe);

	if (b->depth == 2 && key && !strcmp(key, "name"))
		b->name_len = strlen(value);
	if (b->depth > 2 && !strcmp(value, "in-use"))
		b->broken = true;
}

static void
bitmap_number(struct describe *d, const char *key, int64_t value)
{
	struct bitmaps *b = container_of(d, struct bitmaps, describe);

	if (b->depth == 2 && key && !strcmp(key, "granularity"))
		b->granularity = (uint64_t)value;
}

static void
bitmap_boolean(struct describe *d, const char *key, bool value)
{
	(void)d, (void)key, (void)value;
}

static void
bitmap_begin(struct describe *d, const char *key, bool list)
{
	struct bitmaps *b = container_of(d, struct bitmaps, describe);

	if (b->depth || (list && key && !strcmp(key, "bitmaps")))
		b->depth++;
	if (b->depth == 2) {
		b->granularity = b->name_len = 0;
		b->broken = false;
	}
}

static void
bitmap_end(struct describe *d)
{
	struct bitmaps *b = container_of(d, struct bitmaps, describe);
	uint64_t cluster = b->layout->cluster, clusters;

	if (b->depth == 2 && b->granularity && !b->broken) {
		clusters = divide_up(divide_up(divide_up(b->size, b->granularity), 8), cluster);
		b->sum += clusters * cluster + align_up(clusters * ENTRY, cluster);
		b->directory += align_up(DIR_ENTRY + b->name_len, 8);
	}
	if (b->depth)
		b->depth--;
}

/* Of bitmaps that a conversion with --bitmaps would take along; 0: there are none. */
static uint64_t
bitmap_bytes(const struct layout *l, struct image *i)
{
	struct bitmaps b = {
		.describe = {bitmap_string, bitmap_number, bitmap_boolean, bitmap_begin, bitmap_end},
		.layout = l,
		.size = i->size,
	};

	i->format->describe(i, &b.describe);
	return b.sum + align_up(b.directory, l->cluster);
}

/* Only version 3 has bitmaps; version 2 calls itself 0.10. */
static void
note_compat(struct describe *d, const char *key, const char *value)
{
	struct bitmaps *b = container_of(d, struct bitmaps, describe);

	if (!b->depth && key && !strcmp(key, "compat"))
		b->broken = !strcmp(value, "0.10");
}

static bool
can_have_bitmaps(const struct layout *l, struct image *i)
{
	struct bitmaps b = {.describe = {note_compat, bitmap_number, bitmap_boolean, bitmap_begin, bitmap_end}, .layout = l};

	if (l->version2 || !i || strcmp(i->format->name, "qcow2"))
		return false;
	i->format->describe(i, &b.describe);
	return !b.broken;
}

/* LUKS1's header with its eight key slots of 4000 stripes: a key of AES-128 or -256, twice that with XTS. */
static uint64_t
luks_bytes(const struct settings *s)
{
	const char *cipher = settings_text(s, "encrypt.cipher-alg"), *mode = settings_text(s, "encrypt.cipher-mode");
	uint64_t key = (cipher && !strcmp(cipher, "aes-128") ? 16 : cipher && !strcmp(cipher, "aes-192") ? 24 : 32) *
	    (mode && strcmp(mode, "xts") ? 1 : 2);

	return 4096 + 8 * align_up(key * 4000, 4096);
}

static uint64_t
number(const struct settings *s, const char *name, uint64_t otherwise)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->list[i].option->name, name))
			return s->list[i].number;
	return otherwise;
}

static bool
on(const char *text, const char *a, const char *b)
{
	return text && (!strcmp(text, a) || !strcmp(text, b));
}

static const char *
measure_qcow2(struct measure *m, const struct settings *s, struct why *w)
{
	const char *compat = settings_text(s, "compat"), *encrypt = settings_text(s, "encrypt.format");
	struct layout l = {
		.cluster = number(s, "cluster_size", 65536),
		.entry = number(s, "extended_l2", false) ? 16 : 8,
		.refcount_bits = (unsigned)number(s, "refcount_bits", 16),
		.version2 = on(compat, "0.10", "v2"),
	};
	const char *no = NULL;
	uint64_t size, data = 0;

	if (l.cluster < 512 || l.cluster > 2 << 20 || l.cluster & (l.cluster - 1))
		return why(w, "Cluster size must be a power of two between 512 and 2048k");
	if (!l.refcount_bits || l.refcount_bits > 64 || l.refcount_bits & (l.refcount_bits - 1))
		return why(w, "Refcount width must be a power of two and may not exceed 64 bits");
	size = align_up(m->size, l.cluster);
	if (divide_up(size / l.cluster, l.cluster / l.entry) * ENTRY > L1_BYTES_MAX)
		return why(w, "The image size is too large (try using a larger cluster size)");
	if (on(settings_text(s, "preallocation"), "full", "falloc") || (m->source && settings_text(s, "backing_file")))
		data = size;
	else if (m->source)
		no = data_bytes(m->source, l.cluster, &data, w);
	if (no)
		return no;
	m->full = full_bytes(&l, size) + (on(encrypt, "luks", "luks") ? align_up(luks_bytes(s), l.cluster) : 0);
	m->required = m->full - size + data;
	m->has_bitmaps = can_have_bitmaps(&l, m->source);
	if (m->has_bitmaps)
		m->bitmaps = bitmap_bytes(&l, m->source);
	return NULL;
}

const char *
measure(struct measure *m, const struct format *format, const struct settings *s, struct why *w)
{
	m->size = align_up(m->size, SECTOR);
	if (!strcmp(format->name, "qcow2"))
		return measure_qcow2(m, s, w);
	if (format != &format_raw)
		return why(w, "Block driver '%s' does not support size measurement", format->name);
	m->required = m->full = m->size;
	return NULL;
}
