/* SPDX-License-Identifier: ISC */
/*
 * In a guest: loads a block device. blkload zero|discard DEV OFFSET LENGTH, by ioctl; or
 * blkload read|write|randread|randwrite DEV BLOCK DEPTH COUNT: COUNT requests of BLOCK bytes past the page cache, DEPTH at
 * a time, by the kernel's own asynchronous I/O; prints the words, then nanoseconds and CPU microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 256

static void
fail(const char *what)
{
	fprintf(stderr, "blkload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static uint64_t
cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000U +
	    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint64_t
number(const char *s)
{
	return strtoull(s, NULL, 0);
}

static void
by_ioctl(int fd, bool zero, uint64_t off, uint64_t len)
{
	uint64_t range[2] = {off, len};

	if (ioctl(fd, zero ? BLKZEROOUT : BLKDISCARD, range) < 0)
		fail(zero ? "BLKZEROOUT" : "BLKDISCARD");
}

struct load {
	int fd;
	bool write, random;
	uint64_t blocks; /* of the device */
	size_t block;
	uint64_t next;
	uint32_t seed;
};

/* The next request's place: one after the other, or anywhere. */
static int64_t
place(struct load *l)
{
	uint64_t n = l->next++;

	if (l->random) {
		l->seed = l->seed * 1664525U + 1013904223U;
		n = l->seed >> 4;
	}
	return (int64_t)(n % l->blocks * l->block);
}

static void
prepare(struct load *l, struct iocb *cb, void *buf)
{
	*cb = (struct iocb){
		.aio_data = (uint64_t)(uintptr_t)cb,
		.aio_lio_opcode = l->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)l->fd,
		.aio_buf = (uint64_t)(uintptr_t)buf,
		.aio_nbytes = l->block,
		.aio_offset = place(l),
	};
}

static void
run(struct load *l, unsigned depth, uint64_t count)
{
	static struct iocb cbs[DEPTH_MAX], *list[DEPTH_MAX];
	static struct io_event ev[DEPTH_MAX];
	aio_context_t ctx = 0;
	uint64_t begun = 0, ended = 0;
	long ready = depth;
	uint8_t *buf = aligned_alloc(4096, l->block * depth);

	if (!buf || syscall(SYS_io_setup, depth, &ctx) < 0)
		fail("io_setup");
	memset(buf, 'l', l->block * depth);
	for (unsigned i = 0; i < depth; i++)
		list[i] = &cbs[i];
	while (ended < count) {
		long n = 0, sent = 0;

		for (; n < ready && begun < count; n++, begun++)
			prepare(l, list[n], buf + (size_t)(list[n] - cbs) * l->block);
		while (sent < n) {
			long done = syscall(SYS_io_submit, ctx, n - sent, list + sent);

			if (done < 0)
				fail("io_submit");
			sent += done;
		}
		ready = syscall(SYS_io_getevents, ctx, 1, depth, ev, NULL);
		if (ready < 0)
			fail("io_getevents");
		for (long i = 0; i < ready; i++) {
			if (ev[i].res != (int64_t)l->block)
				errno = ev[i].res < 0 ? (int)-ev[i].res : EIO, fail("request");
			list[i] = (struct iocb *)(uintptr_t)ev[i].data;
		}
		ended += (uint64_t)ready;
	}
}

int
main(int argc, char **argv)
{
	bool write = argc > 1 && strstr(argv[1], "read") == NULL;
	struct load l = {.write = write, .random = argc > 1 && !strncmp(argv[1], "rand", 4)};
	uint64_t size, start, used;

	if (argc != 5 && argc != 6) {
		fputs("usage: blkload OP DEV ...\n", stderr);
		return 2;
	}
	l.fd = open(argv[2], (write ? O_RDWR : O_RDONLY) | O_DIRECT);
	if (l.fd < 0 || ioctl(l.fd, BLKGETSIZE64, &size) < 0)
		fail(argv[2]);
	if (argc == 5) {
		by_ioctl(l.fd, !strcmp(argv[1], "zero"), number(argv[3]), number(argv[4]));
		return 0;
	}
	l.block = number(argv[3]);
	l.seed = (uint32_t)number(argv[4]); /* loads of other depths touch other blocks */
	l.blocks = size / l.block;
	start = now();
	used = cpu();
	run(&l, (unsigned)number(argv[4]), number(argv[5]));
	printf("%s %s %s %s %s %llu %llu\n", argv[1], argv[2], argv[3], argv[4], argv[5],
	    (unsigned long long)(now() - start), (unsigned long long)(cpu() - used));
	return 0;
}
