/* SPDX-License-Identifier: ISC */
/*
 * What the files of an image's disk share; its users see disk_image.h. A request becomes a job. A job makes transfers, its
 * parts, and goes on when all of them are done. The thread of the disk owns the image's metadata, which nothing else touches.
 */
#ifndef COMMON_DISK_IMAGE_DEV_H
#define COMMON_DISK_IMAGE_DEV_H

#include <stdlib.h>

#include "common/bytes.h"
#include "common/disk_files.h"
#include "common/disk_image.h"
#include "common/image/qcow2.h"
#include "common/util.h"

#define ENCRYPTED_MAX (1 << 20) /* bytes of a part that are encrypted or decrypted at once */
#define JOB_WRITES 8		/* places that a write is under way to at once */

/* What of a request's memory no part has taken yet. */
struct vec {
	struct iovec *iov;
	unsigned niov;
	uint64_t len;
};

enum stage {
	STAGE_BEGIN, /* the next bytes are to be mapped */
	STAGE_OLD,   /* what surrounds the bytes in their new clusters is being read; others are written where they are */
	STAGE_NEW,   /* what needs to be linked is being written */
	STAGE_END,   /* the last parts are on their way */
};

struct job {
	struct job *next, **link; /* the list it is in, and who points to it there */
	struct disk_image *d;
	struct disk_req *r;
	uint64_t from, to;  /* bytes of the disk that it touches, in whole clusters */
	uint64_t at;	    /* disk: where vec begins */
	struct vec vec;
	enum stage stage;
	bool alone;	    /* bears no other job in its clusters: changes their mapping at once, or rewrites blocks around it */
	bool linking;	    /* a write that waits for reads of what it replaces */
	unsigned parts;	    /* on their way, and one while the job is worked on */
	int err;
	struct qcow2_write writes[JOB_WRITES]; /* STAGE_OLD, STAGE_NEW: in place, but for the last, which may be fresh */
	unsigned nwrites;
	uint8_t *old;	    /* the head and the tail of its clusters */
};

struct part {
	struct file_io io;
	struct part *next; /* free ones */
	struct job *job;
	struct iovec one, *own; /* io.iov: `one`; or `own`, to be freed; or the job's */
	/* Of what is read encrypted, into `one`: what it belongs to, and that it goes to `own` then. NULL: plain. */
	struct sealed {
		struct extent extent;
		unsigned nown;
		uint8_t *bytes;
	} *sealed;
};

struct disk_image {
	struct disk disk; /* first */
	struct image *(*open)(void *user, struct why *w);
	void *user;
	struct image *top;
	struct unpacker *unpacker;
	unsigned flags;	  /* DISK_ */
	uint64_t align;	  /* what direct I/O's addresses, offsets and lengths are multiples of, or little */
	bool two_step;	  /* a write is begun, done by parts and ended; else the image does it here and now */
	uint64_t cluster; /* bytes */
	struct disk_files files;
	struct file *written[2]; /* the image's own and its data file, if any */
	unsigned nwritten;
	struct watch watch;
	struct job *running;
	struct job *parked; /* writes that go on when a flush or another write has ended */
	struct job *waiting, **waiting_end; /* not begun; the oldest first */
	bool look, looking; /* somebody of them may have to wait no longer */
	struct job *free_jobs;
	struct part *free_parts;
	/* A flush serves all that asked before it began; those that ask while one runs share the next. */
	struct disk_req *flushing, *flush_next;
	bool flush_ending;
	struct qcow2_flush flush;
	unsigned syncs;	    /* of it: on their way, and one while it is worked on */
	int flush_err;
	struct sync {
		struct file_io io;
		struct disk_image *d;
	} sync[2];
	bool told;	    /* of the image's fault */
};

static inline struct disk_image *
image_of(struct disk *d)
{
	return container_of(d, struct disk_image, disk);
}

/* disk_image_job.c */
struct job *job_new(struct disk_image *d, struct disk_req *r); /* NULL: out of memory */
/* Begins it, unless it has to wait for others. */
void job_admit(struct job *j);
/* Works on a job that waits for no part. */
void job_go_on(struct job *j);
/* A running job that cannot go on; all that are parked are tried again. */
void job_park(struct job *j);
void job_unpark(struct disk_image *d);
/* Takes it off; its request is done with j->err, or waits for a flush. */
void job_end(struct job *j);
/* Begins those that wait no longer for what has ended. */
void job_look(struct disk_image *d);
/* Its first error is what counts; parts that are done at once have told theirs already. */
static inline void
job_fail(struct job *j, int err)
{
	if (err && !j->err)
		j->err = err;
}

/* Whether requests may be less than a block of direct I/O, which is then rewritten around them. */
static inline bool
image_rewrites(const struct disk_image *d)
{
	return d->align > d->disk.block_size;
}

/* Memory that direct I/O takes as it is, to be freed. */
static inline void *
job_memory(const struct job *j, size_t len)
{
	return aligned_alloc(j->d->align, align_up(len, j->d->align));
}

static inline bool
job_touches(const struct job *j, uint64_t from, uint64_t to)
{
	return j->from < to && from < j->to;
}

/* disk_image_part.c: a part of the first len bytes of v, which are taken off it. Done, it brings the job on. 0 or -errno. */
int part_start(struct job *j, enum file_op op, struct file *file, uint64_t off, struct vec *v, uint64_t len);
/* The same of pieces that are the part's from now on, to be freed. */
int part_start_own(struct job *j, enum file_op op, struct file *file, uint64_t off, struct iovec *own, unsigned n, uint64_t len);
/* Reads len bytes of the disk into v, and takes them off it: what is at hand now, the rest by parts. 0 or -errno. */
int part_load(struct job *j, uint64_t off, struct vec *v, uint64_t len);

/* disk_image_write.c: the next step of a write; false when the job has ended or was parked. */
bool write_step(struct job *j);

/* disk_image_flush.c: the request is done by the next flush to begin. While d->flushing nothing of the mapping is changed. */
void flush_ask(struct disk_image *d, struct disk_req *r);

#endif
