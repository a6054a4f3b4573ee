/* SPDX-License-Identifier: ISC */
/*
 * The refcounts of a whole image in memory, for what changes many of them at once: snapshots, repair, amend, compact. The
 * image's caches must be clean before (qcow2_flush); qcow2_reload makes the image anew of what the file holds afterwards.
 */
#ifndef COMMON_IMAGE_QCOW2_REFS_H
#define COMMON_IMAGE_QCOW2_REFS_H

#include "common/image/qcow2_counts.h"
#include "common/image/qcow2_state.h"

struct refs {
	struct qcow2 *q;
	struct counts *counts; /* as they are to be; refs_store makes them so */
	uint64_t *table;       /* refcount table: where the blocks are, 0 for none */
	uint64_t entries;
	uint64_t room;	       /* no free cluster is below */
};

/*
 * Reads all refcounts. Table entries that cannot be used are passed over where `bad` is there to be told of each; else they
 * are a fault.
 */
int refs_load(struct refs *r, struct qcow2 *q, void (*bad)(void *arg, uint64_t index, uint64_t entry), void *arg);
void refs_free(struct refs *r);

/* n clusters in a row, each counted once from now on. */
int refs_alloc(struct refs *r, uint64_t n, uint64_t *offset);

/* Each cluster that [offset, offset + len) touches is used once more, or once less. -ERANGE where a refcount cannot be that. */
int refs_use(struct refs *r, uint64_t offset, uint64_t len, int by);

/*
 * Makes the file's refcounts the same: writes what differs into the refcount blocks; where blocks are missing, writes all
 * into new ones, to which the header is then switched at once. Durable when this returns.
 */
int refs_store(struct refs *r);

/* The refcount structure that the header names is not counted any more. */
int refs_drop_structure(struct refs *r);

/*
 * Always the latter, with refcounts of 1 << order bits. The structure that the header names until then may not be
 * counted. -ERANGE where a refcount does not fit.
 */
int refs_rebuild(struct refs *r, unsigned order);

/* Counts went down since `before`, on the disk too: the space of clusters that are free now goes back to the file system. */
int refs_give_back(const struct refs *r, const struct counts *before);

/* Clusters that the image's file has, the last perhaps in part. */
uint64_t qcow2_file_clusters(const struct qcow2 *q);

/* Reads a table; *zero: it is all zeroes, and buf was perhaps not filled. A hole costs no time, however large. */
int qcow2_load_sparse(struct file *f, void *buf, size_t len, uint64_t off, bool *zero);

/* Makes the image in memory what the file says by now: tables, snapshots, caches. */
int qcow2_reload(struct qcow2 *q);

/*
 * Writes the fields of the header that say where tables are, and the feature words, in one write, after all that was written
 * before; durable when this returns.
 */
int qcow2_switch_header(struct qcow2 *q);

#endif
