/* SPDX-License-Identifier: ISC */
/*
 * Raw images. A request is a short series of system calls (a hole that cannot be punched is zeroed, a write is continued
 * where it fell short); each goes through io_uring, or is made at once where the kernel has no io_uring for us.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/disk_raw.h"
#include "common/iov.h"

/* Never written, so all of it is the kernel's one page of zeroes. */
static uint8_t zeroes[256 << 10] __attribute__((aligned(4096)));

static unsigned
zeroes_len(const struct disk_req *r)
{
	return r->len < sizeof(zeroes) ? (unsigned)r->len : sizeof(zeroes);
}

static enum raw_call
first_call(const struct raw *w, const struct disk_req *r)
{
	switch (r->op) {
	case DISK_FLUSH:
		return CALL_SYNC;
	case DISK_DISCARD:
		return CALL_PUNCH;
	case DISK_ZERO:
		if (r->flags & DISK_UNMAP && !w->no_punch)
			return CALL_PUNCH;
		return w->no_zero_range ? CALL_WRITE_ZEROES : CALL_ZERO_RANGE;
	default:
		return CALL_RW;
	}
}

void
raw_advance(struct disk_req *r, size_t n)
{
	r->off += n;
	r->len -= n;
	if (r->call == CALL_RW)
		iov_skip(&r->iov, &r->niov, n);
}

static void
finish(struct raw *w, struct disk_req *r, int err)
{
	struct disk_req *next = NULL;

	if (r == w->flushing) {
		next = r->next;
		w->flushing = NULL;
	}
	for (;; r = next, next = r->next) {
		w->inflight--;
		r->done(r, err);
		if (!next)
			break;
	}
}

/* What comes after a hole that could not be punched or a range that could not be zeroed. */
static int
fallback(struct raw *w, struct disk_req *r)
{
	uint64_t range[2] = {r->off, r->len};

	if (r->call == CALL_PUNCH)
		w->no_punch = true;
	else
		w->no_zero_range = true;
	if (r->op == DISK_ZERO) {
		r->call = w->no_zero_range ? CALL_WRITE_ZEROES : CALL_ZERO_RANGE;
		return 0;
	}
	/* On a block device a hole must read as zeroes; a discard need not, and may be all that the device has. */
	if (w->block_device && ioctl(w->fd, BLKDISCARD, range) < 0 && errno != EOPNOTSUPP)
		return errno;
	return -1;
}

/* Takes in what the request's system call returned; true when it needs another one. */
static bool
raw_result(struct raw *w, struct disk_req *r, int res)
{
	int err = res < 0 ? -res : 0;

	if (err == EINTR || err == EAGAIN)
		return true;
	if (err == EOPNOTSUPP && (r->call == CALL_PUNCH || r->call == CALL_ZERO_RANGE)) {
		err = fallback(w, r);
		if (!err)
			return true;
		err = err < 0 ? 0 : err;
	} else if (!err && (r->call == CALL_RW || r->call == CALL_WRITE_ZEROES)) {
		raw_advance(r, (size_t)res);
		if (r->len && res)
			return true;
		if (r->len)
			err = EIO; /* the file became shorter */
	}
	/* Written bytes went with RWF_DSYNC; a hole has no such flag. */
	if (!err && r->flags & DISK_FUA && (r->call == CALL_PUNCH || r->call == CALL_ZERO_RANGE)) {
		r->call = CALL_SYNC;
		return true;
	}
	finish(w, r, err);
	return false;
}

static int
fallocate_mode(const struct disk_req *r)
{
	return r->call == CALL_PUNCH ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE :
				       FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
}

/* Makes the system call here and now. */
static int
perform(struct raw *w, struct disk_req *r)
{
	int rwf = r->flags & DISK_FUA ? RWF_DSYNC : 0;
	struct iovec zero = {zeroes, zeroes_len(r)};
	ssize_t n;

	switch ((enum raw_call)r->call) {
	case CALL_RW:
		n = raw_writes(r) ? pwritev2(w->fd, r->iov, (int)r->niov, (off_t)r->off, rwf) :
				  preadv(w->fd, r->iov, (int)r->niov, (off_t)r->off);
		break;
	case CALL_WRITE_ZEROES:
		n = pwritev2(w->fd, &zero, 1, (off_t)r->off, rwf);
		break;
	case CALL_SYNC:
		n = fdatasync(w->fd);
		break;
	default:
		n = fallocate(w->fd, fallocate_mode(r), (off_t)r->off, (off_t)r->len);
		break;
	}
	return n < 0 ? -errno : (int)n;
}

/* Puts the request's system call into the ring. */
static void
ring_call(struct raw *w, struct disk_req *r)
{
	struct io_uring_sqe *sqe = disk_ring_entry(&w->ring);

	switch ((enum raw_call)r->call) {
	case CALL_RW:
		if (r->niov == 1)
			io_uring_prep_rw(raw_writes(r) ? IORING_OP_WRITE : IORING_OP_READ, sqe, 0, r->iov->iov_base,
			    (unsigned)r->iov->iov_len, r->off);
		else
			io_uring_prep_rw(
			    raw_writes(r) ? IORING_OP_WRITEV : IORING_OP_READV, sqe, 0, r->iov, r->niov, r->off);
		break;
	case CALL_WRITE_ZEROES:
		io_uring_prep_write(sqe, 0, zeroes, zeroes_len(r), r->off);
		break;
	case CALL_SYNC:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, 0, fallocate_mode(r), (off_t)r->off, (off_t)r->len);
		break;
	}
	if (raw_writes(r) && r->flags & DISK_FUA && (r->call == CALL_RW || r->call == CALL_WRITE_ZEROES))
		sqe->rw_flags = RWF_DSYNC;
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, r);
}

static void
start(struct raw *w, struct disk_req *r)
{
	if (w->ring.open)
		ring_call(w, r);
	else
		while (raw_result(w, r, perform(w, r)))
			;
}

void
raw_ring_result(struct disk_ring *ring, void *data, int res)
{
	struct raw *w = container_of(ring, struct raw, ring);

	if (raw_result(w, data, res))
		ring_call(w, data);
	if (!w->flushing && w->flush_next) {
		w->flushing = w->flush_next;
		w->flush_next = NULL;
		ring_call(w, w->flushing);
	}
}

static void
raw_commit(struct disk *d)
{
	struct raw *w = raw_of(d);

	if (w->ring.open)
		disk_ring_turn(&w->ring, false);
}

static void
raw_drain(struct disk *d)
{
	struct raw *w = raw_of(d);

	while (w->inflight)
		disk_ring_turn(&w->ring, true);
}

static void
raw_submit(struct disk *d, struct disk_req *r)
{
	struct raw *w = raw_of(d);

	r->next = NULL;
	r->call = first_call(w, r);
	if (w->flags & DISK_UNSAFE) {
		r->flags &= ~(unsigned)DISK_FUA;
		if (r->op == DISK_FLUSH) {
			r->done(r, 0);
			return;
		}
	}
	/* Rare (a boot loader's, one sector of a 4 KiB block), so done alone: a block that is read, changed and written
	 * back must not meet another write to it half-way. */
	if ((r->call == CALL_RW || r->op == DISK_ZERO) && raw_misaligned(w, r)) {
		raw_drain(d);
		r->done(r, raw_bounce(w, r));
		return;
	}
	w->inflight++;
	if (r->op == DISK_FLUSH) {
		if (w->flushing) {
			r->next = w->flush_next;
			w->flush_next = r;
			return;
		}
		w->flushing = r;
	}
	start(w, r);
}

static void
ring_ready(struct watch *watch, uint32_t events)
{
	struct raw *w = container_of(watch, struct raw, watch);

	(void)events;
	disk_ring_ready(&w->ring, w->inflight);
	if (w->disk.reaped)
		w->disk.reaped(&w->disk);
}

static int
raw_attach(struct disk *d, struct loop *l)
{
	struct raw *w = raw_of(d);

	if (!w->ring.open)
		return 0;
	w->watch = (struct watch){.fd = w->ring.ring.ring_fd, .handler = ring_ready};
	return loop_watch(l, &w->watch, EPOLLIN);
}

static void
raw_detach(struct disk *d)
{
	loop_unwatch(&raw_of(d)->watch);
}

const struct disk_ops raw_ops = {
	.attach = raw_attach,
	.detach = raw_detach,
	.submit = raw_submit,
	.commit = raw_commit,
	.drain = raw_drain,
	.close = raw_close,
};
