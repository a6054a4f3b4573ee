/* SPDX-License-Identifier: ISC */
/* Descriptors: moved, closed, passed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/tap.h"

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
test_move(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), high = fd_move_high(fd);

	ok(high >= 10 && !is_open(fd) && fcntl(high, F_GETFD) == 0, "moved to 10 or above, open across exec");
	ok(fd_set_cloexec(high, true) && fcntl(high, F_GETFD) == FD_CLOEXEC, "close-on-exec set");
	ok(fd_set_cloexec(high, false) && fcntl(high, F_GETFD) == 0, "and cleared");
	ok(fd_set_nonblock(high, true) && (fcntl(high, F_GETFL) & O_NONBLOCK), "non-blocking");
	close(high);
	ok(!fd_set_cloexec(high, true) && errno == EBADF, "a closed one is EBADF");
}

static void
test_close_others(void)
{
	static const int opened[] = {3, 4, 5, 9, 100, 101, 200}, keep[] = {101, 4, 1, 9};

	for (size_t i = 0; i < sizeof(opened) / sizeof(*opened); i++)
		dup2(0, opened[i]);
	fd_close_others(keep, sizeof(keep) / sizeof(*keep));
	ok(is_open(0) && is_open(1) && is_open(2), "0 to 2 stay");
	ok(is_open(4) && is_open(9) && is_open(101), "the named stay, in whatever order");
	ok(!is_open(3) && !is_open(5) && !is_open(100) && !is_open(200), "all others are closed");
	fd_close_others(NULL, 0);
	ok(!is_open(4) && !is_open(9) && !is_open(101), "nobody named: all closed");
}

static void
test_read_write(void)
{
	char buf[8] = "";
	int p[2];

	if (pipe(p) < 0)
		return;
	ok(fd_write_all(p[1], "abc", 3) == 3 && fd_write_all(p[1], "def", 3) == 3, "written whole");
	ok(fd_read_all(p[0], buf, 4) == 4 && !memcmp(buf, "abcd", 4), "read up to the length");
	close(p[1]);
	ok(fd_read_all(p[0], buf, 4) == 2 && !memcmp(buf, "ef", 2), "less at the end");
	ok(fd_read_all(p[0], buf, 4) == 0, "then nothing");
	close(p[0]);
	ok(fd_read_all(p[0], buf, 4) == -1 && errno == EBADF, "an error is an error");
}

static size_t
count_open(void)
{
	size_t n = 0;

	for (int fd = 3; fd < 64; fd++)
		n += is_open(fd);
	return n;
}

static void
test_pass(int type, const char *name)
{
	int s[2], sent[3] = {0, 1, 2}, got[4];
	char buf[8];
	size_t n, before;

	socketpair(AF_UNIX, type, 0, s);
	before = count_open();
	fd_send(s[0], "hello", 5, sent, 3);
	n = 4;
	ok(fd_recv(s[1], buf, sizeof(buf), got, &n) == 5 && n == 3, "%s: three descriptors came", name);
	ok(fcntl(got[0], F_GETFD) == FD_CLOEXEC && fcntl(got[2], F_GETFD) == FD_CLOEXEC, "%s: close-on-exec", name);
	for (size_t i = 0; i < n; i++)
		close(got[i]);
	fd_send(s[0], "hello", 5, sent, 3);
	n = 2;
	ok(fd_recv(s[1], buf, sizeof(buf), got, &n) == -1 && errno == EMSGSIZE && n == 0, "%s: too many are refused", name);
	ok(count_open() == before, "%s: and closed", name);
	fd_send(s[0], "hello", 5, NULL, 0);
	n = 4;
	ok(fd_recv(s[1], buf, sizeof(buf), got, &n) == 5 && n == 0, "%s: a message without", name);
	ok(fd_send(s[0], "x", 1, sent, FD_PASS_MAX + 1) == -1 && errno == EMSGSIZE, "%s: 17 are not sent", name);
	close(s[0]);
	n = 4;
	ok(fd_recv(s[1], buf, sizeof(buf), got, &n) == 0, "%s: the end", name);
	ok(fd_send(s[1], "x", 1, NULL, 0) == -1 && errno == EPIPE, "%s: nobody there is EPIPE, without a signal", name);
	close(s[1]);
}

static void
test_truncated(void)
{
	int s[2], fds[1];
	size_t n = 1;
	char buf[2];

	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
	fd_send(s[0], "hello", 5, NULL, 0);
	ok(fd_recv(s[1], buf, sizeof(buf), fds, &n) == -1 && errno == EMSGSIZE, "a packet that does not fit is refused");
	close(s[0]);
	close(s[1]);
}

static void
test_unix(void)
{
	unsigned tries = 0;
	bool waited = true;
	char dir[] = "/tmp/fd-XXXXXX", path[64], longer[200];
	int fd, client, file;
	struct stat st;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/sock", dir);
	ok(fd_connect_unix(path) == -1 && errno == ENOENT, "nothing to connect to");
	umask(0);
	fd = fd_listen_unix(path);
	ok(fd >= 0 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "listening, for the owner alone");
	client = fd_connect_unix(path);
	ok(client >= 0 && fcntl(client, F_GETFD) == FD_CLOEXEC, "connected");
	ok(fd_listen_unix(path) == -1 && errno == EADDRINUSE, "a live one is not replaced");
	close(client);
	close(fd);
	fd = fd_listen_unix(path);
	ok(fd >= 0, "a stale one is");
	close(fd);
	unlink(path);
	file = open(path, O_CREAT | O_WRONLY, 0600);
	close(file);
	ok(fd_listen_unix(path) == -1 && errno == EADDRINUSE && access(path, F_OK) == 0, "a file is left alone");
	unlink(path);
	rmdir(dir);
	errno = EADDRINUSE;
	ok(fd_in_use_yet(&tries) && tries == 1, "one that is in use may be free soon");
	errno = EACCES;
	ok(!fd_in_use_yet(&tries) && errno == EACCES, "one that is forbidden may not");
	for (unsigned i = 0; i < 1000 && waited; i++) {
		errno = EADDRINUSE;
		waited = fd_in_use_yet(&tries);
	}
	ok(!waited && errno == EADDRINUSE, "nor one that never is");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ok(fd_listen_unix(longer) == -1 && errno == ENAMETOOLONG, "a path that is too long");
}

int
main(void)
{
	test_close_others();
	test_move();
	test_read_write();
	test_pass(SOCK_STREAM, "stream");
	test_pass(SOCK_SEQPACKET, "seqpacket");
	test_truncated();
	test_unix();
	return tap_done();
}
