/* SPDX-License-Identifier: ISC */
/*
 * Inside of qcow2: for common/image/qcow2_*.c and vm-img's commands that are about qcow2 alone. The specification is QEMU's
 * docs/interop/qcow2.txt, whose words are used. Functions return 0 or -errno.
 *
 * There are two ways to an image's tables. While a disk is in use they are read and changed piece by piece in bounded caches, and
 * written by a flush: l2, refcount, alloc, guard, flush, and what stands on them: map, write, packed, zero, resize. What changes
 * the image as a whole flushes, goes past the caches, and has the image read anew (qcow2_reload): refs (all refcounts, in memory
 * as counts), table (walks over one table), tree (over all below an L1), census (over everything: check, repair, flags), and what
 * stands on those: snapshot, bitmap, amend, downgrade, compact.
 */
#ifndef COMMON_IMAGE_QCOW2_STATE_H
#define COMMON_IMAGE_QCOW2_STATE_H

#include "common/bytes.h"
#include "common/image/image.h"
#include "common/image/qcow2.h"

#define QCOW2_MAGIC 0x514649fbU /* "QFI\xfb" */
#define QCOW2_V2_HEADER 72
#define QCOW2_V3_HEADER 104 /* at least */
#define QCOW2_OUR_HEADER 112
#define QCOW2_BACKING_MAX 1023

/* Limits, the same as QEMU's. */
#define QCOW2_L1_MAX (32 << 20)	     /* bytes */
#define QCOW2_REFTABLE_MAX (8 << 20) /* bytes */
#define QCOW2_SNAPSHOTS_MAX 65536
#define QCOW2_SNAPSHOT_TABLE_MAX (64 << 20)
#define QCOW2_SNAPSHOT_EXTRA_MAX 1024

/* incompatible_features */
#define QCOW2_DIRTY 1ULL
#define QCOW2_CORRUPT 2ULL
#define QCOW2_DATA_FILE 4ULL
#define QCOW2_COMPRESSION 8ULL
#define QCOW2_EXTENDED_L2 16ULL
#define QCOW2_INCOMPATIBLE_KNOWN 31ULL
/* compatible_features */
#define QCOW2_LAZY_REFCOUNTS 1ULL
/* autoclear_features */
#define QCOW2_BITMAPS 1ULL
#define QCOW2_DATA_FILE_RAW 2ULL
#define QCOW2_AUTOCLEAR_KNOWN 3ULL

/* Where fields of the header are; those that change together are neighbours, and written at once. */
#define QCOW2_AT_SIZE 24
#define QCOW2_AT_CRYPT 32
#define QCOW2_AT_L1 36 /* l1_size, l1_table_offset */
#define QCOW2_AT_REFTABLE 48 /* offset, clusters */
#define QCOW2_AT_SNAPSHOTS 60 /* number, offset */
#define QCOW2_AT_FEATURES 72 /* incompatible, compatible, autoclear */

/* compression_type */
#define QCOW2_DEFLATE 0 /* spelt zlib: QEMU's reader has a window of 4 KiB, but inflates into the whole cluster at once */
#define QCOW2_ZSTD 1

/* Header extensions */
#define QCOW2_EXT_BACKING_FORMAT 0xe2792acaU
#define QCOW2_EXT_FEATURE_NAMES 0x6803f857U
#define QCOW2_EXT_BITMAPS 0x23852875U
#define QCOW2_EXT_CRYPTO 0x0537be77U
#define QCOW2_EXT_DATA_FILE 0x44415441U

/* Entries of L1 and L2 tables. */
#define QCOW2_COPIED (1ULL << 63)
#define QCOW2_PACKED (1ULL << 62)
#define QCOW2_ZERO 1ULL
#define QCOW2_OFFSET 0x00fffffffffffe00ULL
#define QCOW2_SUBCLUSTERS 32
#define QCOW2_ALL_ZERO 0xffffffff00000000ULL /* bitmap of an extended entry: every subcluster reads as zeroes */

struct qcow2_ext {
	uint32_t type, len;
	uint8_t *data;
};

/* A range of the file in clusters. */
struct qcow2_range {
	uint64_t first, n;
};

/* A piece of a table, cached. */
struct qcow2_slice {
	uint64_t off; /* in the file */
	uint8_t *data;
	uint32_t next; /* of its bucket; + 1 */
	bool dirty, used;
};

struct qcow2_cache {
	struct qcow2_slice *slices;
	uint32_t n, room, max, hand, ndirty;
	uint32_t *buckets; /* index of a slice + 1; as many as there is room */
};

/* An entry of the snapshot table. */
#define QCOW2_SNAPSHOT_ENTRY 40 /* bytes of it that are always there */
#define QCOW2_SNAPSHOT_EXTRA 24 /* bytes of extra data that are known: VM state size, disk size, icount */
struct qcow2_snapshot {
	uint64_t l1_offset;
	uint32_t l1_size; /* entries */
	uint32_t date_sec, date_nsec;
	uint64_t clock_nsec;
	uint64_t vm_state_size, disk_size, icount; /* icount: UINT64_MAX where there is none */
	uint32_t extra_size;	 /* bytes of extra data in the file */
	uint8_t *unknown;	 /* its extra data past the 24 bytes known; extra_size - 24 bytes, or NULL */
	char *id, *name;
};

struct qcow2 {
	struct image image;
	unsigned flags; /* IMAGE_, of opening */

	/* The header, as it is in the file. */
	uint32_t version, header_length;
	unsigned cluster_bits, refcount_order;
	uint32_t crypt_method, compression;
	uint64_t incompatible, compatible, autoclear;
	uint8_t *unknown_header; /* header_length - QCOW2_OUR_HEADER bytes */
	struct qcow2_ext *exts;	 /* all but the backing format's, in the file's order */
	size_t nexts;

	/* Derived from it. */
	unsigned l2_bits;	  /* entries of an L2 table */
	unsigned entry_bits;	  /* bytes of an L2 entry: 3, or 4 with extended L2 entries */
	unsigned refblock_bits;	  /* entries of a refcount block */
	unsigned slice_bits;	  /* bytes of a slice */

	/* Tables. */
	uint64_t *l1; /* in the host's order */
	uint32_t l1_size;
	uint64_t l1_offset;
	uint32_t l1_dirty_from, l1_dirty_to; /* entries that differ from the file's; none where equal */
	struct qcow2_cache l2;
	uint64_t *reftable; /* in the host's order; loaded by the first change, or qcow2_load_reftable */
	uint32_t reftable_size; /* entries; more than are in the file until the next flush, where it has grown */
	uint64_t reftable_offset;
	uint32_t reftable_clusters;
	uint32_t reftable_dirty_from, reftable_dirty_to;
	struct qcow2_cache refblocks;
	struct qcow2_snapshot *snapshots;
	uint32_t nsnapshots;
	uint64_t snapshots_offset, snapshots_bytes; /* the table's place */

	/* Allocation. */
	uint64_t free_from;  /* no cluster below is free */
	uint64_t fresh_from; /* clusters from here on were never written: they read as zeroes */
	uint64_t packed_at;  /* where the next compressed cluster goes; 0: to a new one */
	struct qcow2_range reserved; /* being given out: qcow2_alloc.c */
	struct qcow2_range *freed; /* given up, not yet to be used again: qcow2_free */
	size_t nfreed, freed_room;
	struct qcow2_guard *guard; /* NULL: to be built */
	struct qcow2_write *writes; /* fresh ones, begun and not ended */

	bool changing; /* the first change was prepared for */
	bool broken;	/* found corrupt while writing, or the header could not be written: nothing more is */

	struct file *data; /* the data file; NULL: the image's own */
	struct crypt *crypt; /* NULL: the data is plain */
};

static inline struct qcow2 *
qcow2_of(struct image *i)
{
	return (struct qcow2 *)i;
}

static inline uint64_t
qcow2_cluster(const struct qcow2 *q)
{
	return 1ULL << q->cluster_bits;
}

/* Clusters that n bytes take. */
static inline uint64_t
qcow2_clusters(const struct qcow2 *q, uint64_t n)
{
	return (n >> q->cluster_bits) + !!(n & (qcow2_cluster(q) - 1));
}

/* L1 entries that a disk of this size takes. */
uint64_t qcow2_l1_needed(const struct qcow2 *q, uint64_t size);

/* qcow2.c: reads the active L1 table. NULL or the reason. */
const char *qcow2_load_l1(struct qcow2 *q, struct why *w);

/* qcow2_header.c: parses what the file begins with; NULL or the reason. Nothing else of the file is looked at. */
const char *qcow2_parse(struct qcow2 *q, struct why *w);
void qcow2_free_header(struct qcow2 *q);
/* Sets what follows from the header's fields. */
void qcow2_derive(struct qcow2 *q);
/* The extension, or NULL. */
struct qcow2_ext *qcow2_ext_find(struct qcow2 *q, uint32_t type);
/* Puts one in or changes it; data NULL: takes it out. Not written yet. */
int qcow2_ext_set(struct qcow2 *q, uint32_t type, const void *data, uint32_t len);
/* qcow2_header_write.c: the whole header, from the fields above, with extensions and backing name. -E2BIG where it does not fit a cluster. */
int qcow2_write_header(struct qcow2 *q);
/* Into a header that is there: what changes as long as an image is in use, and lies in its first sector. */
void qcow2_put_state(const struct qcow2 *q, uint8_t *h);
/* Writes the three feature words alone. Version 3. */
int qcow2_write_features(struct qcow2 *q);

/* qcow2_cache.c: the slice that holds file offset `off`, good until the next slice of this cache. */
int qcow2_slice(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, struct qcow2_slice **s);
/* Has the slice with `off`, which is not in the cache and zeroes in the file, there without reading it. */
int qcow2_slice_blank(struct qcow2 *q, struct qcow2_cache *c, uint64_t off);
void qcow2_slice_dirty(struct qcow2_cache *c, struct qcow2_slice *s);
/* What lies in this range of the file is no table any more, or was changed past the cache. */
void qcow2_cache_drop(struct qcow2 *q, struct qcow2_cache *c, uint64_t off, uint64_t len);
int qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *c); /* all that is dirty */
void qcow2_cache_free(struct qcow2_cache *c);

/*
 * qcow2_l2.c: the L2 entries from disk offset `at` on, as they are in the file (big endian): *n of them, in one slice, good
 * until the next call. *entries is NULL where there is no table: then all *n, up to the end of what the L1 entry covers, are 0.
 */
int qcow2_l2(struct qcow2 *q, uint64_t at, uint8_t **entries, uint64_t *n);
/* The same, to be changed, by a table that is the active L1's own (made, or copied where a snapshot shares it). */
int qcow2_l2_change(struct qcow2 *q, uint64_t at, uint8_t **entries, uint64_t *n);
/* Sets the one entry for `at`; the bitmap is that of extended entries, else passed over. Nothing is freed. */
int qcow2_entry_set(struct qcow2 *q, uint64_t at, uint64_t entry, uint64_t bitmap);
/* A descriptor of a compressed cluster: where its bytes are. qcow2.txt, "Compressed Clusters Descriptor". */
void qcow2_packed_range(const struct qcow2 *q, uint64_t entry, uint64_t *off, uint64_t *len);

/* What one L2 entry says about [at, at + len), len of which is told: up to the end of the cluster at most. */
struct qcow2_piece {
	enum extent_kind kind;
	bool allocated;	       /* host is of a cluster of the file */
	bool copied;	       /* which may be written in place */
	uint64_t len, host;    /* host: of `at` (PACKED: of the compressed bytes) */
	uint64_t packed_len;
};
int qcow2_piece(struct qcow2 *q, const uint8_t *entry, uint64_t at, struct qcow2_piece *p);

/* qcow2_refcount.c. Clusters are numbered: file offset >> cluster_bits. */
int qcow2_load_reftable(struct qcow2 *q);
int qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *count);
/* Adds delta (1 or -1) to every cluster that [off, off + len) touches, at once. -ERANGE where a count does not hold it: none changed. */
int qcow2_refcount_add(struct qcow2 *q, uint64_t off, uint64_t len, int delta);
/* Whether `cluster` is free, and how many from it on are alike, as far as one look tells. */
int qcow2_free_span(struct qcow2 *q, uint64_t cluster, bool *is_free, uint64_t *span);
/* Blocks for the counts of clusters [first, last], where there are none. */
int qcow2_make_refblocks(struct qcow2 *q, uint64_t first, uint64_t last);
/* Writes entries [from, to) of the table to where it is. */
int qcow2_write_reftable(struct qcow2 *q, uint32_t from, uint32_t to);

/* qcow2_alloc.c: n clusters in a row, counted 1; never offset 0, never what is known to be metadata. */
int qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *off);
/* As many of `want` as are free in a row at the first free place; at least one. Fresh: they read as zeroes. */
int qcow2_alloc_run(struct qcow2 *q, uint64_t want, uint64_t *off, uint64_t *got, bool *fresh);
/* Allocates n clusters in a row and fills them with zeroes: a new table. */
int qcow2_alloc_table(struct qcow2 *q, uint64_t n, uint64_t *off);
/* Takes allocated clusters back that no table on the disk can name. */
int qcow2_give_back(struct qcow2 *q, uint64_t off, uint64_t n);
/* The clusters that [off, off + len) touches lose a reference once the tables as they are now are on the disk (by a flush). */
int qcow2_free(struct qcow2 *q, uint64_t off, uint64_t len);
/* An L2 table (of one cluster), which is not looked at any more. */
int qcow2_free_table(struct qcow2 *q, uint64_t off);
/* The data or compressed cluster that this L2 entry names loses it. */
int qcow2_free_entry(struct qcow2 *q, uint64_t entry);
/* Flushes where much was given up: for loops over the whole disk, between one slice and the next. */
int qcow2_free_some(struct qcow2 *q);
/* Within a flush: applies what qcow2_free noted. */
int qcow2_free_apply(struct qcow2 *q);
/* Where refcount block `index` of the table can go: space of its own, of zeroes. For qcow2_refcount.c. */
int qcow2_place_block(struct qcow2 *q, uint32_t index, uint64_t *off);

/*
 * qcow2_guard.c. Nothing is written over metadata: 0, or -EIO with the image marked corrupt where [off, off + len) of the
 * image's file holds some (header, L1 and L2 tables, refcounts, snapshot table, snapshots' L1 tables, bitmap directory).
 */
int qcow2_guard(struct qcow2 *q, uint64_t off, uint64_t len);
int qcow2_guard_build(struct qcow2 *q);
/* Table `index` (of the L1 or the refcount table) lies there now. */
int qcow2_guard_l2(struct qcow2 *q, uint64_t off, uint32_t index);
int qcow2_guard_refblock(struct qcow2 *q, uint64_t off, uint32_t index);
/* Built anew by the next of these: for who moves or replaces an L1, snapshot or refcount table, or the bitmap directory. */
void qcow2_guard_free(struct qcow2 *q);
/* Notes the fault, marks the image corrupt in its header where it is open for writing, and stops all writing. -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* qcow2_flush.c: before any change: unknown autoclear bits go, bitmaps are taken care of, refcounts loaded, metadata guarded. */
int qcow2_change(struct qcow2 *q);
int qcow2_flush(struct qcow2 *q); /* all of it; what image_flush does */
/* Writes n bytes of the header and makes them durable, after all that was written before. */
int qcow2_put_header(struct qcow2 *q, const void *p, size_t n, uint64_t at);
int qcow2_sync(struct qcow2 *q); /* file and data file; nothing with IMAGE_UNSAFE */
void qcow2_l1_dirty(struct qcow2 *q, uint32_t index);
/* Autoclear bits that are not known here tell of what has to follow the disk's data: whoever changes the image clears them. */
int qcow2_clear_unknown(struct qcow2 *q);

/* qcow2_bitmap_distrust.c: before the disk's first change: enabled bitmaps are marked as not true; before its size changes: all go. */
int qcow2_bitmaps_distrust(struct qcow2 *q);
int qcow2_bitmaps_give_up(struct qcow2 *q);

/*
 * qcow2_crypt.c: sets q->crypt, if the image is encrypted. NULL or the reason. Where LUKS's header is; false: it has none.
 */
const char *qcow2_open_crypt(struct qcow2 *q, const struct image_open *how, struct why *w);
bool qcow2_crypt_header(struct qcow2 *q, uint64_t *off, uint64_t *len);
/* Writes the guest's bytes from `guest` on to `host` of the file of data, encrypted where the image is. All data goes this way. */
int qcow2_write_data(struct qcow2 *q, const void *buf, size_t len, uint64_t host, uint64_t guest);
int qcow2_decrypt(const struct extent *e, void *buf, size_t len);

/* qcow2_snapshots.c: reads the snapshot table, into the image. NULL or the reason. */
const char *qcow2_load_snapshots(struct qcow2 *q, struct why *w);
void qcow2_free_snapshots(struct qcow2 *q);

/* qcow2_check.c: counts anew all that is referred to, and clears the dirty bit: what is done with an image that was not closed. */
int qcow2_rebuild_refcounts(struct qcow2 *q);

/* qcow2_write.c: whether a write that was begun holds the cluster of `from`; else *to is cut to where one holds the next. */
bool qcow2_in_the_way(const struct qcow2 *q, uint64_t from, uint64_t *to);
/* Through the chain; past the disk's end everything does. */
bool qcow2_reads_as_zeroes(struct qcow2 *q, uint64_t off, uint64_t len);

/* qcow2_resize.c: gives up the L2 tables from L1 entry `first` on, which name nothing any more. */
int qcow2_drop_tables(struct qcow2 *q, uint64_t first);
/* Cuts what of the file's end is not in use. */
int qcow2_cut_file(struct qcow2 *q);

/* qcow2_zero.c: whole clusters of the disk lose what they hold, whatever is below. */
int qcow2_make_hole(struct qcow2 *q, uint64_t from, uint64_t to);

/* The format's functions, by file. */
int qcow2_map(struct image *i, uint64_t off, uint64_t len, struct extent *e);
int qcow2_unpack(const struct extent *e, void *unit, struct unpacker *u);
int qcow2_write(struct image *i, const void *buf, size_t len, uint64_t off);
int qcow2_write_packed(struct image *i, const void *packed, size_t len, uint64_t off);
int qcow2_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags);
int qcow2_discard(struct image *i, uint64_t off, uint64_t len);
const char *qcow2_resize(struct image *i, uint64_t size, const char *preallocation, struct why *w);
const char *qcow2_set_backing(struct image *i, const char *name, const char *format, struct why *w);
int qcow2_make_empty(struct image *i);
void qcow2_describe(struct image *i, struct describe *d);
const char *qcow2_check(struct image *i, unsigned fix, struct image_check *c, struct why *w);
const char *qcow2_create(const struct image_create *c, struct why *w);
extern const struct image_option qcow2_options[];

#endif
