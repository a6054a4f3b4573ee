/* SPDX-License-Identifier: ISC */
/* One stretch of a copy: what the map says of it, then its bytes, then what of them has to be written. */
#ifndef VM_IMG_COPY_JOB_H
#define VM_IMG_COPY_JOB_H

#include "vm-img/copy.h"
#include "vm-img/pack.h"

#define JOB_SIZE (512 << 10) /* bytes; more where the target's clusters are larger */

/* What one thread needs to load and pack. */
struct copy_tools {
	struct unpacker *unpacker;
	struct packer *packer; /* NULL: not wanted */
	uint8_t *packed;       /* room for a packed unit */
};

enum piece_kind {
	PIECE_ZERO,
	PIECE_DATA,
	PIECE_PACKED,
	PIECE_COPY, /* one extent's plain bytes, which are not in the buffer */
};

struct piece {
	enum piece_kind kind;
	uint32_t at;	 /* in the job */
	uint32_t len;	 /* bytes of the disk */
	uint32_t packed; /* bytes in the buffer, from where those of the disk were, if PACKED */
};

struct job {
	enum {
		JOB_LOAD, /* the extents' bytes */
		JOB_ZERO, /* zeroes, of any length */
	} kind;
	uint64_t off, len; /* of the disk */
	struct extent *extents;
	size_t nextents, extents_room;
	uint8_t *data; /* made when first needed */
	struct piece *pieces;
	size_t npieces, pieces_room;
	int err;		     /* of mapping or loading; with salvage, the first one */
	uint64_t err_off, lost;	     /* where; how many bytes salvage made zeroes */
	bool loaded;		     /* the pool's: it can be written, */
	bool put;		     /* or is, by who loaded it: */
	int put_err;
};

int copy_tools_make(struct copy_tools *t, const struct copy *c);
void copy_tools_free(struct copy_tools *t);

/* One more extent at the end. 0 or -ENOMEM. */
int job_add(struct job *j, const struct extent *e);

/* Loads, looks for zeroes, packs; on any thread. The result is in the job. */
void job_load(struct job *j, const struct copy *c, size_t room, struct copy_tools *t);

void job_free(struct job *j);

#endif
