/* SPDX-License-Identifier: ISC */
/*
 * What the parts of VMDK share ("Virtual Disk Format 5.0", VMware). A disk is one or more extents: flat bytes, or grains that
 * a directory of tables finds. Numbers in files are little-endian, places there are in sectors.
 */
#ifndef COMMON_IMAGE_VMDK_H
#define COMMON_IMAGE_VMDK_H

#include "common/image/image.h"
#include "common/image/table.h"
#include "common/util.h"

#define VMDK_SECTOR 512
#define VMDK_MAGIC "KDMV"
#define VMDK_TEXT_MAX (1u << 20) /* bytes of a descriptor: QEMU's limit */
#define VMDK_NO_PARENT UINT32_MAX

/* The header of a sparse extent, one sector. */
enum {
	VMDK_VERSION = 4,
	VMDK_FLAGS = 8,
	VMDK_CAPACITY = 12,
	VMDK_GRAIN = 20,
	VMDK_TEXT = 28,
	VMDK_TEXT_LEN = 36,
	VMDK_ENTRIES = 44, /* of a table */
	VMDK_SPARE = 48,   /* the redundant directory */
	VMDK_DIRECTORY = 56,
	VMDK_OVERHEAD = 64, /* what lies before the grains */
	VMDK_NEWLINES = 73,
	VMDK_METHOD = 77,
};
#define VMDK_AT_END UINT64_MAX /* the directory is where the footer, a second header, says */
#define VMDK_NEWLINES_TEXT "\n \r\n" /* which a transfer in text mode would change */
#define VMDK_DEFLATE 1

#define VMDK_HAS_NEWLINES 1u
#define VMDK_HAS_SPARE 2u
#define VMDK_HAS_ZERO_GRAINS 4u
#define VMDK_HAS_PACKED (1u << 16)
#define VMDK_HAS_MARKERS (1u << 17)

/* A marker, before a grain or (a sector of its own) before metadata: a sector or number of them, a length, a type. */
enum { VMDK_MARKER_VALUE = 0, VMDK_MARKER_LEN = 8, VMDK_MARKER_TYPE = 12 };
enum { VMDK_END_OF_STREAM, VMDK_GRAIN_TABLE, VMDK_GRAIN_DIRECTORY, VMDK_FOOTER };
#define VMDK_GRAIN_MARKER 12 /* bytes, then the packed grain */

#define VMDK_GRAIN_SIZE (64u << 10) /* of images made here; so every program does it */
#define VMDK_TABLE_ENTRIES 512u

/* What waits to be written of a packed extent, whose tables go behind the grains. */
struct vmdk_stream;

struct vmdk_extent {
	enum { VMDK_FLAT, VMDK_SPARSE, VMDK_ZERO } kind;
	const char *type, *name; /* as the descriptor has them: in v->words; "" of one with the descriptor inside */
	bool fixed;		 /* not to be written, the descriptor says */
	struct file *file;	 /* NULL: none, or not opened */
	bool own;		 /* closed with the extent: not the image's own */
	uint64_t at, len;	 /* on the disk, bytes */
	uint64_t flat;		 /* where a flat one begins in the file */
	/* Of a sparse one. */
	uint32_t version, grain, entries; /* grain: bytes */
	struct table directory, spare;	  /* of 32-bit places of tables; spare.len 0: none */
	struct tables *tables;
	bool packed, markers, zero_grains;
	uint64_t overhead;
	uint64_t end;		    /* where the next grain goes, unless that is taken by then */
	struct vmdk_stream *stream; /* what is being appended, of a packed one */
};

struct vmdk {
	struct image image;
	struct vmdk_extent *extents;
	size_t n;
	uint32_t cid, parent_cid;
	char *create_type, *words;    /* words: what extents point to */
	uint64_t cid_at;	      /* the digits in the file; 0: there are none, or too many */
	unsigned cid_digits;
	bool touched, parent_is_good, unsafe;
};

static inline struct vmdk *
vmdk_of(struct image *i)
{
	return container_of(i, struct vmdk, image);
}

static inline uint32_t
vmdk_tables_of(const struct vmdk_extent *x)
{
	return (uint32_t)(x->directory.len / 4);
}

/* Bytes of the disk that a table is about. */
static inline uint64_t
vmdk_reach(const struct vmdk_extent *x)
{
	return (uint64_t)x->grain * x->entries;
}

/* vmdk_text.c: takes the descriptor of n bytes, which begins at `at` of the file. `inside`: its extents are not listed there. */
const char *vmdk_text_take(struct vmdk *v, const char *text, size_t n, uint64_t at, bool inside, struct why *w);

/* vmdk_sparse.c */
const char *vmdk_sparse_open(struct vmdk_extent *x, struct file *f, bool write, struct why *w);
int vmdk_sparse_map(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len, struct extent *e);
/* The entry of the grain that begins there, its table's if `directory`; of the spare ones if `spare`. */
int vmdk_table(struct vmdk *v, struct vmdk_extent *x, uint32_t number, bool spare, struct table *t);
int vmdk_entry(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint32_t *entry);

/* vmdk_write.c */
int vmdk_write(struct image *i, const void *buf, size_t len, uint64_t off);
int vmdk_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags);
int vmdk_discard(struct image *i, uint64_t off, uint64_t len);
int vmdk_flush(struct image *i);
int vmdk_write_packed(struct image *i, const void *packed, size_t len, uint64_t off);

/* The grain around [off, off + len) of the extent as it would be with buf there; NULL: zeroes. Allocated, or NULL with *err. */
uint8_t *vmdk_compose(struct vmdk *v, struct vmdk_extent *x, const void *buf, size_t len, uint64_t off, int *err);

/* The extent that a byte of the disk is in, with all its bytes up to *len. */
struct vmdk_extent *vmdk_find(struct vmdk *v, uint64_t off, uint64_t *len);

/* vmdk_stream.c: a packed extent */
int vmdk_stream_write(struct vmdk *v, struct vmdk_extent *x, const void *buf, size_t len, uint64_t off);
int vmdk_stream_zero(struct vmdk *v, struct vmdk_extent *x, uint64_t off, uint64_t len);
int vmdk_stream_append(struct vmdk *v, struct vmdk_extent *x, const void *packed, size_t len, uint64_t off);
int vmdk_stream_finish(struct vmdk *v, struct vmdk_extent *x);
bool vmdk_stream_entry(const struct vmdk_extent *x, uint64_t off, uint32_t *entry);
void vmdk_stream_free(struct vmdk_extent *x);
/* The end of a stream, whose directory is at `directory` in the file: footer and end marker, at *end. */
int vmdk_stream_close(struct file *f, const uint8_t header[VMDK_SECTOR], uint64_t directory, uint64_t *end);

/* vmdk_create.c, vmdk_check.c */
extern const struct image_option vmdk_options[];
const char *vmdk_create(const struct image_create *c, struct why *w);
const char *vmdk_check(struct image *i, unsigned fix, struct image_check *c, struct why *w);

#endif
