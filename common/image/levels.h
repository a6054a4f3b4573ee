/* SPDX-License-Identifier: ISC */
/*
 * Images of two levels of tables without reference counts (qed, qcow): an L1 table refers to L2 tables, whose entries say
 * where a cluster of the disk is. New clusters and tables come at the file's end and are never moved or freed. Flushing
 * writes data before the tables, so that an interruption leaves only unused space.
 */
#ifndef COMMON_IMAGE_LEVELS_H
#define COMMON_IMAGE_LEVELS_H

#include "common/image/image.h"
#include "common/image/table.h"

struct levels {
	struct image image; /* the format's own follows this struct */
	/* What the format says when it opens the image: */
	bool big_endian;
	uint64_t first;	     /* before it lies the header */
	struct table l1;
	uint64_t l2_len;     /* bytes, of each L2 table; a power of two, as image.cluster_size */
	uint64_t zero_entry; /* the L2 entry of a cluster of zeroes; 0: there is none */
	/* What an L2 entry that is not 0 means for a whole cluster at e->at: sets kind and the rest. 0 or -errno. */
	int (*decode)(struct levels *v, uint64_t entry, struct extent *e);
	/* Its own: */
	struct tables *l1_pages, *l2_pages;
	uint8_t *room; /* a cluster, when it was first needed */
};

static inline struct levels *
levels_of(struct image *i)
{
	return (struct levels *)i;
}

/* The last step of opening, for the file that the image will have. False: out of memory. */
bool levels_open(struct levels *v, struct file *f);
void levels_close(struct image *i); /* frees it, too */

/* Whether [off, off + len) may be a table or a cluster: it is in the file, and neither in the header nor the L1 table. */
bool levels_sound(const struct levels *v, const struct file *f, uint64_t off, uint64_t len);

/* Bytes of the disk that one L2 table is for. */
uint64_t levels_span(const struct levels *v);

/* The entry of the disk's byte `off`, 0 where it has none; sets it (on disk: when flushed). 0 or -errno. */
int levels_get(struct levels *v, uint64_t off, uint64_t *entry);
int levels_set(struct levels *v, uint64_t off, uint64_t entry);

/* What formats have, as struct format tells. */
int levels_map(struct image *i, uint64_t off, uint64_t len, struct extent *e);
int levels_write(struct image *i, const void *buf, size_t len, uint64_t off);
int levels_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags);
int levels_discard(struct image *i, uint64_t off, uint64_t len);
int levels_flush(struct image *i);
int levels_make_empty(struct image *i);

#endif
