/* SPDX-License-Identifier: ISC */
/* Setting up a restricted io_uring; the contract is in disk_ring.h. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/disk_ring.h"

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
disk_ring_open(struct io_uring *ring, unsigned entries, int fd)
{
	struct io_uring_params p = {.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN};
	int err = io_uring_queue_init_params(entries, ring, &p);

	if (err == -EINVAL) { /* Linux before 5.19 */
		p = (struct io_uring_params){.flags = IORING_SETUP_R_DISABLED};
		err = io_uring_queue_init_params(entries, ring, &p);
	}
	if (err)
		return err;
	err = io_uring_register_files(ring, &fd, 1);
	if (!err)
		err = restrict_ring(ring);
	if (!err)
		err = ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (err)
		io_uring_queue_exit(ring);
	return err;
}
