/* SPDX-License-Identifier: ISC */
/* Transfers of files; the contract is in disk_files.h. */
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_files.h"
#include "common/iov.h"
#include "common/util.h"

#define SECTOR 512

static int
slot_of(const struct disk_files *f, const struct file *file)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->file[i] == file)
			return file->fd < 0 ? -1 : (int)i;
	return -1;
}

static void
advance(struct file_io *io, size_t n)
{
	io->off += n;
	io->len -= n;
	iov_skip(&io->iov, &io->niov, n);
}

/* Nothing came. What is being written ends where a write in flight will make it longer; what is not has become shorter. */
static int
read_past_end(struct file_io *io)
{
	if (io->off < io->file->size && io->file->read_only)
		return -EIO;
	iov_zero(io->iov, io->len);
	return 0;
}

/* Whether direct I/O cannot take it as it is: the file's own functions know the detour, which is rare. */
static bool
askew(const struct file_io *io)
{
	uint64_t all = io->off | io->len;

	if (!io->file->align || io->op == FILE_SYNC)
		return false;
	for (unsigned i = 0; i < io->niov; i++)
		all |= (uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len;
	return all & (io->file->align - 1);
}

/* By the file's own functions. */
static int
perform(struct file_io *io)
{
	int err = 0;

	if (io->op == FILE_SYNC)
		return file_flush(io->file);
	for (unsigned i = 0; i < io->niov && !err; i++) {
		struct iovec *v = &io->iov[i];

		err = io->op == FILE_WRITE ? file_write(io->file, v->iov_base, v->iov_len, io->off) :
					     file_read(io->file, v->iov_base, v->iov_len, io->off);
		io->off += v->iov_len;
	}
	return err;
}

static void
ring_call(struct disk_files *f, struct file_io *io)
{
	struct io_uring_sqe *sqe = disk_ring_entry(&f->ring);
	bool write = io->op == FILE_WRITE;

	if (io->op == FILE_SYNC)
		io_uring_prep_fsync(sqe, io->slot, IORING_FSYNC_DATASYNC);
	else if (io->niov == 1)
		io_uring_prep_rw(write ? IORING_OP_WRITE : IORING_OP_READ, sqe, io->slot, io->iov->iov_base,
		    (unsigned)io->iov->iov_len, io->off);
	else
		io_uring_prep_rw(write ? IORING_OP_WRITEV : IORING_OP_READV, sqe, io->slot, io->iov, io->niov, io->off);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, io);
}

static void
go(struct disk_files *f, struct file_io *io)
{
	f->inflight++;
	ring_call(f, io);
}

static void
ring_result(struct disk_ring *ring, void *data, int res)
{
	struct disk_files *f = container_of(ring, struct disk_files, ring);
	struct file_io *io = data;
	int err = res < 0 ? res : 0;

	if (err == -EINTR || err == -EAGAIN) {
		ring_call(f, io);
		return;
	}
	if (!err && io->op != FILE_SYNC) {
		advance(io, (size_t)res);
		if (io->len && res && !askew(io)) { /* direct I/O ends within a block where the file does */
			ring_call(f, io);
			return;
		}
		if (io->len)
			err = io->op == FILE_READ ? read_past_end(io) : -EIO;
	}
	f->inflight--;
	if (f->queued) {
		struct file_io *next = f->queued;

		f->queued = next->next;
		go(f, next);
	}
	io->done(io, err);
}

void
disk_files_open(struct disk_files *f, bool noring)
{
	int fds[DISK_FILES_MAX], err;

	for (unsigned i = 0; i < f->n; i++)
		fds[i] = f->file[i]->fd;
	f->ring = (struct disk_ring){.result = ring_result};
	if (noring || !f->n)
		return;
	err = disk_ring_open(&f->ring, fds, f->n);
	if (err)
		note(1, "%s: no io_uring: %s; reading and writing one by one", f->file[0]->name, strerror(-err));
}

void
disk_files_close(struct disk_files *f)
{
	disk_ring_close(&f->ring);
}

/*
 * The file will be as long as that. Until it is, a sector at its end that is there in part (a compressed cluster may end with
 * the file) has to be readable.
 */
static void
grow(struct file *f, uint64_t end)
{
	if (f->size % SECTOR)
		file_truncate(f, align_up(f->size, SECTOR));
	f->size = end;
}

void
disk_files_start(struct disk_files *f, struct file_io *io)
{
	io->slot = f->ring.open && !askew(io) ? slot_of(f, io->file) : -1;
	if (io->slot < 0) {
		io->done(io, perform(io));
		return;
	}
	if (io->op == FILE_WRITE && io->off + io->len > io->file->size && !io->file->block_device)
		grow(io->file, io->off + io->len);
	if (f->inflight < DISK_RING_INFLIGHT) {
		go(f, io);
		return;
	}
	io->next = NULL;
	if (!f->queued)
		f->queued_end = &f->queued;
	*f->queued_end = io;
	f->queued_end = &io->next;
}
