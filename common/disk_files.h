/* SPDX-License-Identifier: ISC */
/*
 * Asynchronous transfers between memory and the files of a disk image: through one io_uring for all of them, or by the
 * file's own functions here and now, where there is no ring or the file is no descriptor (a test's). One thread's.
 */
#ifndef COMMON_DISK_FILES_H
#define COMMON_DISK_FILES_H

#include <sys/uio.h>

#include "common/disk_ring.h"
#include "common/image/file.h"

#define DISK_FILES_MAX 128

enum file_op {
	FILE_READ, /* what lies past the end reads as zeroes */
	FILE_WRITE,
	FILE_SYNC, /* all writes of the file that were done before are on stable storage */
};

struct file_io {
	enum file_op op;
	struct file *file;
	uint64_t off, len;  /* changed on the way */
	struct iovec *iov;  /* of read and write, len bytes in all; changed on the way */
	unsigned niov;
	/* Called once, even within disk_files_start; err is 0 or -errno. May start others, and free the transfer. */
	void (*done)(struct file_io *io, int err);
	int slot;
	struct file_io *next; /* queued */
};

struct disk_files {
	struct file *file[DISK_FILES_MAX];
	unsigned n;
	struct disk_ring ring;
	unsigned inflight;
	struct file_io *queued, **queued_end; /* while as many are in flight as the ring has room for answers; the oldest first */
};

/* Makes the ring of f->file[0..n), unless there are none, or told not to; failing that, there is no ring. */
void disk_files_open(struct disk_files *f, bool noring);
void disk_files_close(struct disk_files *f);

/* What was started goes to the kernel by disk_ring_turn(&f->ring). A write past the end of its file has made it longer. */
void disk_files_start(struct disk_files *f, struct file_io *io);

#endif
