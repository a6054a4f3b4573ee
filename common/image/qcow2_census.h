/* SPDX-License-Identifier: ISC */
/*
 * The whole image walked once: how often each cluster is referred to, and what is wrong with the tables. Every table is read
 * once, however many name it, so that no image takes more time than its bytes do.
 */
#ifndef COMMON_IMAGE_QCOW2_CENSUS_H
#define COMMON_IMAGE_QCOW2_CENSUS_H

#include "common/image/qcow2_refs.h"
#include "common/image/qcow2_table.h"

struct census {
	struct qcow2 *q;
	struct image_check *check; /* what is found goes here */
	bool mend;		   /* what cannot be right in L1 and L2 tables is replaced, and said to be lost */

	struct counts *found;  /* references to each cluster, but those of the refcount structure */
	struct counts *fixed;  /* clusters of header, L1 tables, snapshot table and the like, which nothing else may use */
	struct counts *tables; /* L2 tables: how many L1 entries name each; 0 once it was walked */
	bool cut_snapshots;    /* the header is to tell of no more snapshots than could be read */
	uint64_t lost;	       /* bytes of the disk that could not be kept */

	/* Where the walk is. */
	struct table l1, l2;
	const char *snapshot; /* whose L1 table, or NULL: the active one */
	uint64_t l1_index, times, contiguous;
	uint64_t done, total; /* L1 entries */
};

/* check and mend are set; the rest becomes the image's. census_free also after a failure. */
int census_take(struct census *c);
void census_free(struct census *c);

/* An error, or one that was repaired: counted and told. */
void census_error(struct census *c, bool repaired, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* qcow2_census_l2.c: one L2 table, named `times` times. */
int census_l2(struct census *c, uint64_t offset);
/* Counts n references to what [off, off + len) touches. False, with an error told, where that is past the end of the file. */
bool census_count(struct census *c, uint64_t off, uint64_t len, uint64_t n, int *err);
/* A structure that the header or a directory names, and that nothing else may share. *ok: it can be read. */
int census_claim(struct census *c, uint64_t off, uint64_t len, const char *what, bool *ok);

/* qcow2_census_bitmaps.c: the bitmap directory and what it names. */
int census_bitmaps(struct census *c);

#endif
