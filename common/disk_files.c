/* SPDX-License-Identifier: ISC */
/* Transfers of files; the contract is in disk_files.h. */
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_files.h"
#include "common/iov.h"
#include "common/util.h"

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
		if (io->len && res) {
			ring_call(f, io);
			return;
		}
		if (io->len)
			err = io->op == FILE_READ ? read_past_end(io) : -EIO;
	}
	f->inflight--;
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

void
disk_files_start(struct disk_files *f, struct file_io *io)
{
	io->slot = f->ring.open ? slot_of(f, io->file) : -1;
	if (io->slot < 0) {
		io->done(io, perform(io));
		return;
	}
	if (io->op == FILE_WRITE && io->off + io->len > io->file->size && !io->file->block_device)
		io->file->size = io->off + io->len;
	f->inflight++;
	ring_call(f, io);
}
