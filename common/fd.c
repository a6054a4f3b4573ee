/* SPDX-License-Identifier: ISC */
/* File descriptors; the contracts are in fd.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"

#define FD_HIGH 10 /* POSIX shells can name 0..9 only: those are the user's */

int
fd_move_high(int fd)
{
	int high = fcntl(fd, F_DUPFD, FD_HIGH);

	if (high < 0)
		die_sys("fd %d", fd);
	close(fd);
	return high;
}

static bool
set_flag(int fd, int get, int set, int flag, bool on)
{
	int old = fcntl(fd, get);

	return old >= 0 && fcntl(fd, set, on ? old | flag : old & ~flag) == 0;
}

bool
fd_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

bool
fd_set_nonblock(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

void
fd_close_others(const int *keep, size_t n)
{
	for (unsigned low = 3, next;; low = next + 1) {
		next = UINT_MAX;
		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= low && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > low && close_range(low, next == UINT_MAX ? next : next - 1, 0) < 0)
			die_sys("close_range");
		if (next == UINT_MAX)
			return;
	}
}

ssize_t
fd_read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t
fd_write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(FD_PASS_MAX * sizeof(int))];
};

ssize_t
fd_send(int sock, const void *buf, size_t len, const int *fds, size_t n)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t sent;

	if (n > FD_PASS_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (n) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

/* Takes every descriptor that came; those beyond max are closed. Returns how many came. */
static size_t
take_fds(struct msghdr *msg, int *fds, size_t max)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count < max)
				fds[count] = fd;
			else
				close(fd);
			count++;
		}
	}
	return count;
}

ssize_t
fd_recv(int sock, void *buf, size_t len, int *fds, size_t *n)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	union control control;
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf)};
	size_t max = *n, count;
	ssize_t got;

	*n = 0;
	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	count = take_fds(&msg, fds, max);
	if (count > max || (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		for (size_t i = 0; i < count && i < max; i++)
			close(fds[i]);
		errno = EMSGSIZE;
		return -1;
	}
	*n = count;
	return got;
}

static bool
unix_address(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(sun->sun_path, path);
	return true;
}

/* A socket file whose owner is gone, removed. False, with EADDRINUSE, for anything else: it is not ours to take. */
static bool
remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		fd = fd_connect_unix(path);
		if (fd < 0 && errno == ECONNREFUSED)
			return unlink(path) == 0;
		if (fd >= 0)
			close(fd);
	}
	errno = EADDRINUSE;
	return false;
}

static bool
bind_unix(int fd, const char *path)
{
	struct sockaddr_un sun;

	if (!unix_address(path, &sun))
		return false;
	/* Linux takes the file's mode from the socket's, so there is no moment at which others could connect. */
	if (fchmod(fd, 0600) < 0)
		return false;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return true;
	return errno == EADDRINUSE && remove_stale(path) &&
	       bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
}

int
fd_close_failed(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

bool
fd_in_use_yet(unsigned *tries)
{
	int err = errno;

	if (err == EADDRINUSE && (*tries)++ < 50 && nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL) == 0)
		return true;
	errno = err;
	return false;
}

int
fd_listen_unix(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (!bind_unix(fd, path))
		return fd_close_failed(fd);
	if (listen(fd, 16) == 0)
		return fd;
	unlink(path);
	return fd_close_failed(fd);
}

int
fd_connect_unix(const char *path)
{
	struct sockaddr_un sun;
	int fd;

	if (!unix_address(path, &sun))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return fd_close_failed(fd);
	return fd;
}

void
fd_leave_stdio(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die_sys("/dev/null");
	close(null);
}
