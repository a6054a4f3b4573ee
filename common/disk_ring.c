/* SPDX-License-Identifier: ISC */
/* A restricted io_uring: its set-up, and its turns. The contract is in disk_ring.h. */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/disk_ring.h"

#define CROWD 16	 /* as many on their way keep the disk busy while we wait */
#define GATHER 8	 /* of them */
#define GATHER_NS 50000	 /* at most: about as long as a fast disk takes for one */
#define SLOW 64		 /* of a disk that took longer each is taken as it comes, so many times */
#define RING_ENTRIES (DISK_RING_INFLIGHT / 2) /* io_uring has room for twice as many answers */

/* For what Debian 12's shared liburing forgot to export. 0 or -errno. */
static int
ring_register(struct io_uring *ring, unsigned what, void *arg, unsigned n)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, arg, n) < 0 ? -errno : 0;
}

static int
restrict_ring(struct io_uring *ring)
{
	static const uint8_t ops[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV,
	    IORING_OP_FSYNC, IORING_OP_FALLOCATE};
	struct io_uring_restriction r[sizeof(ops) + 1] = {0};

	r[0].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	r[0].sqe_flags = IOSQE_FIXED_FILE;
	for (size_t i = 0; i < sizeof(ops); i++) {
		r[i + 1].opcode = IORING_RESTRICTION_SQE_OP;
		r[i + 1].sqe_op = ops[i];
	}
	return ring_register(ring, IORING_REGISTER_RESTRICTIONS, r, sizeof(ops) + 1);
}

int
disk_ring_open(struct disk_ring *r, const int *fds, unsigned n)
{
	struct io_uring_params p = {.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN};
	struct io_uring *ring = &r->ring;
	int err = io_uring_queue_init_params(RING_ENTRIES, ring, &p);

	if (err == -EINVAL) { /* Linux before 5.19 */
		p = (struct io_uring_params){.flags = IORING_SETUP_R_DISABLED};
		err = io_uring_queue_init_params(RING_ENTRIES, ring, &p);
	}
	if (err)
		return err;
	err = io_uring_register_files(ring, fds, n);
	if (!err)
		err = restrict_ring(ring);
	if (!err)
		err = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (err)
		io_uring_queue_exit(ring);
	r->open = !err;
	return err;
}

void
disk_ring_close(struct disk_ring *r)
{
	if (r->open)
		io_uring_queue_exit(&r->ring);
	r->open = false;
}

struct io_uring_sqe *
disk_ring_entry(struct disk_ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	while (!sqe) {
		io_uring_submit(&r->ring);
		sqe = io_uring_get_sqe(&r->ring);
	}
	return sqe;
}

/* Takes what the kernel has finished; the number. */
static unsigned
reap(struct disk_ring *r)
{
	struct io_uring_cqe *cqe;
	unsigned n = 0;

	while (io_uring_peek_cqe(&r->ring, &cqe) == 0) {
		void *data = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&r->ring, cqe);
		r->result(r, data, res);
		n++;
	}
	return n;
}

void
disk_ring_turn(struct disk_ring *r, bool wait)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned want = wait ? 1 : 0, got;

	do {
		int err = want || io_uring_sq_ready(&r->ring) ? io_uring_submit_and_wait(&r->ring, want) : 0;

		got = reap(r);
		if (got)
			want = 0;
		/* The kernel is out of memory, or of room for completions. */
		if (err < 0 && !got)
			nanosleep(&pause, NULL);
	} while (io_uring_sq_ready(&r->ring) || want);
}

void
disk_ring_ready(struct disk_ring *r, unsigned inflight)
{
	struct __kernel_timespec limit = {.tv_nsec = GATHER_NS};
	struct io_uring_cqe *cqe;

	/* Without EXT_ARG (Linux before 5.11) liburing would put in an entry for the timeout, which this ring is not to do. */
	if (r->slow)
		r->slow--;
	else if (inflight >= CROWD && r->ring.features & IORING_FEAT_EXT_ARG &&
	    io_uring_wait_cqes(&r->ring, &cqe, GATHER, &limit, NULL) == -ETIME)
		r->slow = SLOW;
	disk_ring_turn(r, false);
}
