/* SPDX-License-Identifier: ISC */
/*
 * qcow2, versions 2 and 3, beyond what image.h has: for who does the I/O of a guest's data itself. All of it is for the one
 * thread that owns the image's metadata.
 *
 * Metadata is written back: a change is in memory until the next flush (or until the cache of it is full), which writes in an
 * order such that what a cut leaves behind is never worse than leaked clusters. Space that is given up is not used again
 * before the table that no longer names it is on the disk. Refcounts are never behind, so lazy_refcounts is kept as an image
 * has it and not made use of; what another program left dirty is counted anew when it is opened for writing.
 */
#ifndef COMMON_IMAGE_QCOW2_H
#define COMMON_IMAGE_QCOW2_H

#include "common/image/image.h"

/* The file that data goes to: the image's own, or the data file that it names. */
struct file *qcow2_data_file(struct image *i);

/*
 * A write in two steps. Between them the caller writes, to `file`: the `head` bytes before off, len bytes of the guest's at
 * off, the `tail` bytes after them, where head and tail hold what the disk has around [at, at + len) (read through the chain,
 * before or after begin). Both are 0 where nothing has to be copied. The extents of image_map stay as they are until end.
 */
struct qcow2_write {
	uint64_t at, len; /* of the disk: what this write takes of the front of what was asked for */
	struct file *file;
	uint64_t off;
	uint64_t head, tail;
	bool fresh; /* the disk changes only by end: until then nobody else finds the new bytes */
	/* The engine's own. */
	uint64_t host, clusters; /* what end has to link, or none */
	bool allocated;		 /* the clusters are new, and given back where the write fails */
	struct qcow2_write *next;
};

/*
 * Where [off, off + len) goes. -EAGAIN: a write that was begun and has not ended is in the way (one that is `fresh` holds the
 * clusters that it touches); end that first. What is not `fresh` overwrites in place, and any number of such writes may be
 * under way; end is to be called for them too. w must stay where it is until then.
 */
int qcow2_write_begin(struct image *i, uint64_t off, uint64_t len, struct qcow2_write *w);

/*
 * The bytes are in the file (ok), or could not be written: then the disk is as before. Where this fails, some of it may have
 * changed, as by a write that failed.
 */
int qcow2_write_end(struct image *i, struct qcow2_write *w, bool ok);

/*
 * What changes a range (write_end, image_zero, image_discard) gives up clusters, which other data is put into after a flush.
 * So an extent of image_map is good until its range is changed, and who changes a range first waits for the I/O, reads and
 * writes, that is under way to it. Zero and discard return -EAGAIN where a fresh write is in their way.
 */

struct qcow2_flush {
	int step;
};

/*
 * A flush, step by step, from a zeroed `st`. 1: make durable what was written to the image's file and to the data file
 * (fdatasync, on any thread), then call again; 0: done; <0: failed, the flush may be begun anew. Between the steps image_map,
 * reads, qcow2_write_begin, and qcow2_write_end of what is not `fresh` may be called, and nothing else. Writes of data that
 * end before the first step are durable at the end. Where only data was written it is one step.
 */
int qcow2_flush_next(struct image *i, struct qcow2_flush *st);

/* What lies at `host` of the data file for `guest` of the disk: whole sectors of 512 bytes, encrypted in place, if the image is. */
int qcow2_encrypt(struct image *i, void *buf, size_t len, uint64_t host, uint64_t guest);

#endif
