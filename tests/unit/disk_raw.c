/* SPDX-License-Identifier: ISC */
/* pkg: liburing */
/* Raw disks on files, through io_uring and without it, through the page cache and past it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/disk_work.h"
#include "tests/unit/tap.h"

#define SIZE (1 << 20)

static uint8_t *mem; /* SIZE bytes, aligned */

static int
temp_file(void)
{
	char path[256];
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/disk_raw.XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, SIZE) < 0 || unlink(path) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static bool
all(const uint8_t *p, uint8_t byte, size_t n)
{
	while (n && *p == byte)
		p++, n--;
	return !n;
}

/* Does the file hold `byte` in all of the range? */
static bool
holds(int fd, off_t off, size_t len, uint8_t byte)
{
	uint8_t *p = mem + SIZE / 2;

	return pread(fd, p, len, off) == (ssize_t)len && all(p, byte, len);
}

static void
test_vectors(int fd, const char *how)
{
	struct iovec iov[3] = {{mem, 1024}, {mem + 8192, 512}, {mem + 4096, 2560}};
	struct disk_req r = {.op = DISK_WRITE, .off = 4096, .len = 4096, .iov = iov, .niov = 3};

	memset(mem, 'a', 1024);
	memset(mem + 8192, 'b', 512);
	memset(mem + 4096, 'c', 2560);
	ok(run(&r) == 0, "%s: a write of three pieces", how);
	ok(holds(fd, 4096, 1024, 'a') && holds(fd, 5120, 512, 'b') && holds(fd, 5632, 2560 - 512, 'c'),
	    "%s: lies in the file in order", how);
	memset(mem, 0, 16384);
	ok(rw(DISK_READ, 0, 4096, mem, 4096) == 0 && all(mem, 'a', 1024) && mem[1024] == 'b', "%s: and is read", how);
}

static void
test_ranges(int fd, const char *how)
{
	struct stat full, holed;

	memset(mem, 'x', SIZE / 2);
	rw(DISK_WRITE, DISK_FUA, 0, mem, SIZE / 2);
	fstat(fd, &full);
	ok(range(DISK_DISCARD, 0, 64 << 10, 128 << 10) == 0, "%s: a discard", how);
	fstat(fd, &holed);
	ok(full.st_blocks - holed.st_blocks >= 256, "%s: gives the blocks back", how);
	ok(holed.st_size == SIZE, "%s: and not the size", how);
	ok(range(DISK_ZERO, 0, 256 << 10, 64 << 10) == 0 && holds(fd, 256 << 10, 64 << 10, 0), "%s: zeroes", how);
	ok(holds(fd, (256 << 10) - 4096, 4096, 'x') && holds(fd, 320 << 10, 4096, 'x'), "%s: and no more", how);
	ok(range(DISK_ZERO, DISK_UNMAP | DISK_FUA, 320 << 10, 64 << 10) == 0 && holds(fd, 320 << 10, 64 << 10, 0),
	    "%s: zeroes by a hole", how);
	ok(range(DISK_ZERO, 0, 512, 512) == 0 && holds(fd, 512, 512, 0) && holds(fd, 0, 512, 'x') &&
		holds(fd, 1024, 512, 'x'),
	    "%s: one sector of zeroes", how);
}

/* Sectors and buffers that no direct I/O takes. */
static void
test_odd(int fd, const char *how)
{
	memset(mem, 'o', 3 * 512 + 1);
	ok(rw(DISK_WRITE, DISK_FUA, 512 * 5, mem + 1, 512 * 3) == 0, "%s: odd sectors from an odd address", how);
	ok(holds(fd, 512 * 5, 512 * 3, 'o') && holds(fd, 512 * 8, 512, 'x') && holds(fd, 512 * 4, 512, 'x'),
	    "%s: are written, and no more", how);
	memset(mem, 0, 8192);
	ok(rw(DISK_READ, 0, 512 * 4, mem + 3, 512 * 5) == 0 && mem[3 + 511] == 'x' && mem[3 + 512] == 'o' &&
		mem[3 + 2047] == 'o' && mem[3 + 2048] == 'x',
	    "%s: and read", how);
}

static void
test_many(int fd, const char *how)
{
	static struct disk_req r[300];
	static struct iovec iov[300];
	unsigned before = reaped;

	for (unsigned i = 0; i < 300; i++) {
		memset(mem + i * 1024, (int)i, 1024);
		iov[i] = (struct iovec){mem + i * 1024, 1024};
		r[i] = (struct disk_req){.op = i % 10 == 9 ? DISK_FLUSH : DISK_WRITE, .off = i * 1024, .len = 1024,
			.iov = &iov[i], .niov = 1, .done = done};
		if (r[i].op == DISK_FLUSH)
			r[i].off = r[i].len = 0;
		pending++;
		disk_submit(disk, &r[i]);
	}
	disk_commit(disk);
	disk_drain(disk);
	ok(!pending && reaped == before, "%s: drain: 300 requests, flushes among them, are done", how);
	ok(holds(fd, 1024, 1024, 1) && holds(fd, 298 * 1024, 1024, 298 & 255), "%s: and written", how);
}

static void
test_short(int fd, const char *how)
{
	if (ftruncate(fd, SIZE / 2) < 0)
		return;
	ok(rw(DISK_READ, 0, SIZE / 2, mem, 4096) == EIO, "%s: a read past a file cut short fails", how);
	ok(rw(DISK_READ, 0, SIZE / 2 - 4096, mem, 8192) == EIO, "%s: a read across its end too", how);
}

static void
test_engine(unsigned flags, const char *how)
{
	int fd = temp_file();
	char why[128];
	const char *reason = disk_raw_open(&disk, fd, flags, why, sizeof(why));

	if (reason) {
		ok(true, "%s # SKIP %s", how, reason);
		close(fd);
		return;
	}
	disk->reaped = on_reaped;
	ok(disk->size == SIZE && disk->block_size == 512 && !disk->read_only, "%s: opened", how);
	disk_attach(disk, &loop);
	test_vectors(fd, how);
	test_ranges(fd, how);
	test_odd(fd, how);
	ok(range(DISK_FLUSH, 0, 0, 0) == 0, "%s: flush", how);
	test_many(fd, how);
	test_short(fd, how);
	disk_detach(disk);
	disk_close(disk);
	close(fd);
}

/* libc's, but that files may be said to be on a disk of 4096 bytes a sector, which direct I/O then has to heed. */
static bool large_sectors;

int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict sx)
{
	long err = syscall(SYS_statx, fd, path, flags, mask, sx);

	if (!err && large_sectors) {
		sx->stx_mask |= STATX_DIOALIGN;
		sx->stx_dio_offset_align = sx->stx_dio_mem_align = 4096;
	}
	return (int)err;
}

static const char *
open_again(const char *path, int mode, int *fd, struct disk **d)
{
	static char why[128];

	*fd = open(path, mode);
	return disk_raw_open(d, *fd, 0, why, sizeof(why));
}

static void
test_refused(void)
{
	char path[64], why[128];
	struct disk *d1, *d2;
	int fd = temp_file(), fd1, fd2, p[2];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok(!open_again(path, O_RDWR, &fd1, &d1), "a writer");
	ok(open_again(path, O_RDWR, &fd2, &d2) != NULL, "keeps a writer out");
	close(fd2);
	ok(open_again(path, O_RDONLY, &fd2, &d2) != NULL, "and a reader");
	close(fd2);
	disk_close(d1);
	ok(!open_again(path, O_RDWR, &fd2, &d2), "once closed it keeps nobody out, its descriptor still open");
	disk_close(d2);
	close(fd1);
	close(fd2);
	ok(!open_again(path, O_RDONLY, &fd2, &d2) && d2->read_only, "after them a reader");
	ok(!open_again(path, O_RDONLY, &fd1, &d1), "bears another reader");
	disk_close(d1);
	close(fd1);
	ok(open_again(path, O_RDWR, &fd1, &d1) != NULL, "and no writer");
	disk_close(d2);
	close(fd1);
	close(fd2);
	ok(open_again(path, O_WRONLY, &fd1, &d1) && strstr(open_again(path, O_WRONLY, &fd2, &d1), "reading"),
	    "write-only is refused");
	ok(open_again(path, O_RDWR | O_APPEND, &fd1, &d1) != NULL, "so is appending");
	ok(pipe(p) == 0 && disk_raw_open(&d1, p[0], 0, why, sizeof(why)), "so is a pipe");
	close(fd);
}

int
main(void)
{
	static const struct {
		unsigned flags;
		bool large_sectors;
		const char *how;
	} engines[] = {
		{0, false, "io_uring"},
		{DISK_NORING, false, "plain"},
		{DISK_DIRECT, false, "io_uring, direct"},
		{DISK_DIRECT | DISK_NORING, false, "plain, direct"},
		{DISK_DIRECT, true, "direct, sectors of 4096 bytes"},
		{DISK_UNSAFE, false, "unsafe"},
	};

	mem = aligned_alloc(4096, SIZE);
	if (!mem || loop_init(&loop) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		large_sectors = engines[i].large_sectors;
		test_engine(engines[i].flags, engines[i].how);
	}
	test_refused();
	return tap_done();
}
