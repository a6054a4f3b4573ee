/* SPDX-License-Identifier: ISC */
/* A disk over NBD: on nbdkit where it is installed, on a server of our own with fewer abilities, and on hostile ones. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_nbd.h"
#include "common/fd.h"
#include "common/nbd.h"
#include "tests/unit/disk_work.h"
#include "tests/unit/tap.h"

#define SIZE (1 << 20)
#define MANY 300 /* requests at once: more than there are slots */

static struct why w;
static uint8_t mem[SIZE], want[SIZE];

/* A server in a process of its own, at the other end of *fd. */
static pid_t
start(int *fd, void (*serve)(int fd, unsigned arg), unsigned arg)
{
	int sv[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		close(sv[0]);
		serve(sv[1], arg);
		_exit(0);
	}
	close(sv[1]);
	*fd = sv[0];
	return pid;
}

static void
end(int fd, pid_t pid)
{
	close(fd);
	waitpid(pid, NULL, 0);
}

static void
nbdkit(int fd, unsigned arg)
{
	(void)arg;
	dup2(fd, 0);
	dup2(fd, 1);
	execlp("nbdkit", "nbdkit", "-s", "memory", "1M", (char *)NULL);
	_exit(127);
}

/* What the protocol's example server would be: simple, with the abilities that arg says. */
static void
negotiate(int fd, uint64_t size, unsigned flags, const uint32_t blocks[3])
{
	uint8_t buf[NBD_OPTION_MAX] = {0}, head[20];
	uint32_t len;

	put_be64(buf, NBD_MAGIC);
	put_be64(buf + 8, NBD_OPTION_MAGIC);
	put_be16(buf + 16, NBD_FIXED_NEWSTYLE);
	fd_write_all(fd, buf, NBD_HELLO_LEN);
	fd_read_all(fd, head, 20);
	len = get_be32(head + 16);
	fd_read_all(fd, buf, len);
	put_be64(head, NBD_REPLY_MAGIC);
	put_be32(head + 8, NBD_OPT_GO);
	put_be32(head + 12, NBD_REP_INFO);
	put_be32(head + 16, 12);
	fd_write_all(fd, head, 20);
	put_be16(buf, NBD_INFO_EXPORT);
	put_be64(buf + 2, size);
	put_be16(buf + 10, (uint16_t)flags);
	fd_write_all(fd, buf, 12);
	if (blocks) {
		put_be32(head + 16, 14);
		fd_write_all(fd, head, 20);
		put_be16(buf, NBD_INFO_BLOCK_SIZE);
		for (int i = 0; i < 3; i++)
			put_be32(buf + 2 + 4 * i, blocks[i]);
		fd_write_all(fd, buf, 14);
	}
	put_be32(head + 12, NBD_REP_ACK);
	put_be32(head + 16, 0);
	fd_write_all(fd, head, 20);
}

/* Serves mem; checks that requests keep to what was agreed. Its exit status is not looked at: errors are answered. */
static void
plain(int fd, unsigned flags)
{
	static const uint32_t blocks[3] = {512, 4096, 8192};
	uint8_t head[NBD_REQUEST_LEN], reply[NBD_SIMPLE_LEN] = {0};

	negotiate(fd, SIZE, flags, blocks);
	while (fd_read_all(fd, head, sizeof(head)) == sizeof(head)) {
		unsigned c = get_be16(head + 6), f = get_be16(head + 4);
		uint64_t off = get_be64(head + 16);
		uint32_t len = get_be32(head + 24), err = 0;

		if (c == NBD_CMD_DISC)
			return;
		if ((c != NBD_CMD_READ && c != NBD_CMD_WRITE && c != NBD_CMD_FLUSH) || !range_within(off, len, SIZE) || len > 8192 ||
		    f || (off | len) % 512 || (c == NBD_CMD_FLUSH && !(flags & NBD_FLAG_SEND_FLUSH)))
			err = NBD_EINVAL;
		if (c == NBD_CMD_WRITE)
			fd_read_all(fd, mem + off, len);
		put_be32(reply, NBD_SIMPLE_MAGIC);
		put_be32(reply + 4, err);
		memcpy(reply + 8, head + 8, 8);
		fd_write_all(fd, reply, sizeof(reply));
		if (c == NBD_CMD_READ && !err)
			fd_write_all(fd, mem + off, len);
	}
}

static bool
open_disk(int fd, unsigned flags)
{
	if (disk_nbd_open(&disk, fd, "disk", "", flags, &w))
		return false;
	disk->reaped = on_reaped;
	return !disk_attach(disk, &loop);
}

static void
close_disk(void)
{
	disk_drain(disk);
	disk_detach(disk);
	disk_close(disk);
}

/* Writes, zeroes, reads: the same as in memory. */
static void
exercise(const char *name)
{
	static uint8_t got[SIZE];
	uint32_t seed = 7;
	int bad = 0;

	memset(want, 0, SIZE);
	for (int n = 0; n < 100; n++) {
		seed = seed * 1664525 + 1013904223;
		size_t off = (seed >> 8) % SIZE & ~511UL, len = (seed >> 12) % (64 << 10) & ~511UL;

		if (off + len > SIZE || !len)
			continue;
		if (n % 4 == 3) {
			memset(want + off, 0, len);
			bad += range(DISK_ZERO, n & 8 ? DISK_UNMAP : 0, off, len) != 0;
		} else {
			memset(want + off, n + 1, len);
			memcpy(got, want + off, len);
			bad += rw(DISK_WRITE, n & 4 ? DISK_FUA : 0, off, got, len) != 0;
		}
	}
	ok(!bad, "%s: writes and zeroes", name);
	ok(!rw(DISK_READ, 0, 0, got, SIZE) && !memcmp(got, want, SIZE), "%s: read back in one request", name);
	ok(!range(DISK_FLUSH, 0, 0, 0), "%s: flush", name);
	ok(!range(DISK_DISCARD, 0, 4096, 8192), "%s: discard", name);
}

static void
test_many(const char *name)
{
	static struct disk_req r[MANY];
	static struct iovec iov[MANY];
	static uint8_t got[MANY][4096];
	unsigned wrong = 0;

	rw(DISK_WRITE, 0, 0, want, SIZE);
	failed = reaped = 0;
	for (unsigned i = 0; i < MANY; i++) {
		iov[i] = (struct iovec){got[i], sizeof(got[i])};
		r[i] = (struct disk_req){
		    .op = DISK_READ, .off = i * 512, .len = sizeof(got[i]), .iov = &iov[i], .niov = 1, .done = done};
		pending++;
		disk_submit(disk, &r[i]);
	}
	disk_commit(disk);
	while (pending)
		loop_once(&loop, 10000);
	for (unsigned i = 0; i < MANY; i++)
		wrong += memcmp(got[i], want + i * 512, sizeof(got[i])) != 0;
	ok(!wrong && !failed && reaped, "%s: %d requests at once", name, MANY);
}

static void
test_nbdkit(void)
{
	int fd;
	pid_t pid = start(&fd, nbdkit, 0);

	if (!open_disk(fd, 0)) {
		ok(true, "nbdkit # SKIP %s", w.text);
		end(fd, pid);
		return;
	}
	ok(disk->size == SIZE && disk->block_size == 512 && !disk->read_only, "nbdkit: size");
	exercise("nbdkit");
	test_many("nbdkit");
	close_disk();
	end(fd, pid);
}

static void
test_plain(unsigned flags, const char *name)
{
	int fd;
	pid_t pid = start(&fd, plain, flags | NBD_FLAG_HAS_FLAGS);

	ok(open_disk(fd, 0) && disk->physical_block == 4096, "%s: opened", name);
	ok(disk->read_only == !!(flags & NBD_FLAG_READ_ONLY), "%s: read-only or not", name);
	exercise(name);
	test_many(name);
	close_disk();
	end(fd, pid);
}

/* The ways a server may end it, after one good write. */
enum { HANG_UP, BAD_MAGIC, BAD_COOKIE, FREE_SLOT, HALF_DATA, SHUTDOWN, WAYS };
static const char *const ways[WAYS] = {"hangs up", "no magic", "a cookie of nobody's", "a slot that is free", "half of the data",
    "shuts down"};

static void
hostile(int fd, unsigned way)
{
	uint8_t head[NBD_REQUEST_LEN], reply[NBD_SIMPLE_LEN] = {0};

	negotiate(fd, SIZE, NBD_FLAG_HAS_FLAGS, NULL);
	fd_read_all(fd, head, sizeof(head));
	put_be32(reply, way == BAD_MAGIC ? 1 : NBD_SIMPLE_MAGIC);
	put_be32(reply + 4, way == SHUTDOWN ? NBD_ESHUTDOWN : 0);
	memcpy(reply + 8, head + 8, 8);
	if (way == BAD_COOKIE)
		put_be64(reply + 8, UINT64_MAX);
	if (way == FREE_SLOT) { /* answered twice */
		put_be32(reply + 4, NBD_EIO);
		fd_write_all(fd, reply, sizeof(reply));
	}
	if (way != HANG_UP)
		fd_write_all(fd, reply, sizeof(reply));
	if (way == HALF_DATA)
		fd_write_all(fd, mem, 100);
}

static void
test_hostile(void)
{
	uint8_t buf[4096];

	for (unsigned way = 0; way < WAYS; way++) {
		int fd;
		pid_t pid = start(&fd, hostile, way);

		ok(open_disk(fd, 0), "opened");
		ok(rw(DISK_READ, 0, 0, buf, sizeof(buf)) == EIO, "%s: an I/O error", ways[way]);
		/* The second answer to the first request may come when the next is under way, and be taken for its own. */
		ok(rw(DISK_WRITE, 0, 0, buf, sizeof(buf)) == EIO && rw(DISK_WRITE, 0, 0, buf, sizeof(buf)) == EIO &&
		    range(DISK_FLUSH, 0, 0, 0) == EIO, "and so from then on");
		close_disk();
		end(fd, pid);
	}
}

static void
no_nbd(int fd, unsigned arg)
{
	static const uint32_t bad_blocks[][3] = {{3, 4096, 8192}, {512, 256, 8192}, {512, 4096, 0}, {0, 0, 0}, {1 << 20, 1 << 20, 1 << 20}};

	switch (arg) {
	case 0:
		return;
	case 1:
		fd_write_all(fd, "SSH-2.0-OpenSSH_9.2\r\n", 21);
		return;
	case 2:
		negotiate(fd, UINT64_MAX, NBD_FLAG_HAS_FLAGS, NULL);
		return;
	case 3:
		negotiate(fd, SIZE, 0, NULL);
		return;
	default:
		negotiate(fd, SIZE, NBD_FLAG_HAS_FLAGS, bad_blocks[arg - 4]);
	}
}

static void
test_handshake(void)
{
	for (unsigned arg = 0; arg < 9; arg++) {
		int fd;
		pid_t pid = start(&fd, no_nbd, arg);

		ok(!open_disk(fd, 0), "no connection: %s", w.text);
		end(fd, pid);
	}
}

static void
test_name(void)
{
	char out[8];

	ok(nbd_name("a%2Fb%2c", out, sizeof(out)) && !strcmp(out, "a/b,"), "a name decoded");
	ok(!nbd_name("a%0", out, sizeof(out)) && !nbd_name("%", out, sizeof(out)) && !nbd_name("%g0", out, sizeof(out)), "half a code");
	ok(!nbd_name("a%00b", out, sizeof(out)), "no NUL");
	ok(nbd_name("1234567", out, sizeof(out)) && !nbd_name("12345678", out, sizeof(out)), "as long as there is room");
}

int
main(int argc, char **argv)
{
	(void)argc;
	diag_init(argv[0], 1);
	diag_verbose = -1;
	if (loop_init(&loop))
		return 1;
	test_nbdkit();
	test_plain(0, "a server that can nothing");
	test_plain(NBD_FLAG_SEND_FLUSH, "one that knows flush");
	test_plain(NBD_FLAG_READ_ONLY, "one that says it is read-only");
	test_hostile();
	test_handshake();
	test_name();
	return tap_done();
}
