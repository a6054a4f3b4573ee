/* SPDX-License-Identifier: ISC */
/* Opening a raw image: what the descriptor is, what direct I/O asks of it, its lock, its ring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/direct.h"
#include "common/disk_raw.h"

#define FILE_BLOCK 4096 /* what the page cache and most file systems write at least */

/* Size and block sizes. 0 or an errno. */
static int
read_geometry(struct raw *w)
{
	struct disk *d = &w->disk;
	struct stat st;
	int logical;

	if (fstat(w->fd, &st) < 0)
		return errno;
	w->block_device = S_ISBLK(st.st_mode);
	if (!w->block_device) {
		d->size = (uint64_t)st.st_size;
		d->block_size = 512;
		d->physical_block = FILE_BLOCK;
		return S_ISREG(st.st_mode) ? 0 : ENOTBLK;
	}
	if (ioctl(w->fd, BLKGETSIZE64, &d->size) < 0 || ioctl(w->fd, BLKSSZGET, &logical) < 0 ||
	    ioctl(w->fd, BLKPBSZGET, &d->physical_block) < 0)
		return errno;
	d->block_size = (uint32_t)logical;
	return 0;
}

/* Direct I/O that was asked for, or that the descriptor came with. */
static const char *
set_direct(struct raw *w, int fl)
{
	struct direct direct;
	const char *reason;

	if (!(w->flags & DISK_DIRECT || fl & O_DIRECT))
		return NULL;
	reason = direct_begin(w->fd, &direct);
	if (reason)
		return reason;
	w->align_offset = direct.offset;
	w->align_memory = direct.memory;
	/* The last block is written whole, and would make the file longer. */
	if (w->disk.size % w->align_offset)
		return "its size is not a multiple of the block of direct I/O";
	w->bounce = mmap(NULL, RAW_BOUNCE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->bounce == MAP_FAILED) {
		w->bounce = NULL;
		return strerror(errno);
	}
	return NULL;
}

static const char *
check_mode(struct raw *w, int fl)
{
	if (fl < 0)
		return strerror(errno);
	if ((fl & O_ACCMODE) == O_WRONLY || fl & O_PATH)
		return "not open for reading";
	if (fl & O_APPEND)
		return "open for appending: open it with <>";
	w->disk.read_only = (fl & O_ACCMODE) == O_RDONLY;
	return NULL;
}

static const char *
raw_setup(struct raw *w)
{
	int fl = fcntl(w->fd, F_GETFL), err;
	const char *why = check_mode(w, fl);

	if (why)
		return why;
	err = read_geometry(w);
	if (err)
		return err == ENOTBLK ? "neither a file nor a block device" : strerror(err);
	why = set_direct(w, fl);
	if (!why)
		why = disk_lock(w->fd, !w->disk.read_only);
	w->locked = !why;
	if (why || w->flags & DISK_NORING)
		return why;
	w->ring.result = raw_ring_result;
	err = disk_ring_open(&w->ring, &w->fd, 1);
	if (err)
		note(1, "fd %d: no io_uring: %s; reading and writing one by one", w->fd, strerror(-err));
	return NULL;
}

const char *
disk_raw_open(struct disk **out, int fd, unsigned flags, char *why, size_t size)
{
	struct raw *w = calloc(1, sizeof(*w));
	const char *reason;

	if (!w)
		return strerror(ENOMEM);
	w->disk.ops = &raw_ops;
	w->fd = fd;
	w->flags = flags;
	reason = raw_setup(w);
	if (reason) {
		snprintf(why, size, "fd %d: %s", fd, reason);
		raw_close(&w->disk);
		return why;
	}
	*out = &w->disk;
	return NULL;
}

void
raw_close(struct disk *d)
{
	struct raw *w = raw_of(d);

	disk_ring_close(&w->ring);
	if (w->bounce)
		munmap(w->bounce, RAW_BOUNCE_SIZE);
	if (w->locked)
		disk_unlock(w->fd);
	free(w);
}
