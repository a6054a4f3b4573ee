/* SPDX-License-Identifier: ISC */
#include "common/disk_files.h"
#include "common/util.h"
#include "tests/late_files.h"
#include "tests/past.h"

#define MOST 1024

static bool is_late;
static uint64_t *chances;
static struct file_io *pending[MOST];
static unsigned npending;

void
late_files(bool late, uint64_t *dice)
{
	is_late = late;
	chances = dice;
}

static int
perform(const struct file_io *io)
{
	uint64_t off = io->off;
	int err = 0;

	if (io->op == FILE_SYNC)
		return file_flush(io->file);
	for (unsigned i = 0; i < io->niov && !err; off += io->iov[i++].iov_len)
		err = io->op == FILE_WRITE ? file_write(io->file, io->iov[i].iov_base, io->iov[i].iov_len, off) :
					     file_read(io->file, io->iov[i].iov_base, io->iov[i].iov_len, off);
	return err;
}

void
disk_files_open(struct disk_files *f, bool noring)
{
	(void)noring;
	f->ring.open = is_late;
}

void
disk_files_close(struct disk_files *f)
{
	f->ring.open = false;
}

void
disk_files_start(struct disk_files *f, struct file_io *io)
{
	if (!f->ring.open || npending == MOST) {
		io->done(io, perform(io));
		return;
	}
	if (io->op == FILE_WRITE && io->off + io->len > io->file->size)
		io->file->size = io->off + io->len;
	f->inflight++;
	pending[npending++] = io;
}

/* One of those that are pending is done. */
static void
one(struct disk_files *f)
{
	unsigned n = past_rand(chances, npending);
	struct file_io *io = pending[n];

	pending[n] = pending[--npending];
	f->inflight--;
	io->done(io, perform(io));
}

void
disk_ring_turn(struct disk_ring *ring, bool wait)
{
	struct disk_files *f = container_of(ring, struct disk_files, ring);
	unsigned n = past_rand(chances, npending + 1);

	if (wait && !n)
		n = 1;
	while (n-- && npending)
		one(f);
}
