/* SPDX-License-Identifier: ISC */
/*
 * wire-join [SOCKET]: the two net wires of VM_WIRES, or one and a Unix socket to connect to, become one cable: every
 * frame of one goes to the other. With a tap as one of them a network namespace stands in for a guest.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/frame.h"
#include "common/wire.h"

#define BUFFER (256 * 1024)

struct end {
	int fd;
	bool stream;
	size_t header; /* of a tap with virtio headers */
	struct frame_reader in;
	struct frame_writer out;
};

static void
open_end(struct end *e, int fd)
{
	struct ifreq ifr = {0};
	socklen_t len = sizeof(int);
	int type;

	e->fd = fd;
	fd_set_nonblock(fd, true);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		e->stream = type == SOCK_STREAM;
	else if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		die_sys("fd %d", fd);
	else if (ifr.ifr_flags & IFF_VNET_HDR)
		e->header = 10;
	e->in.cap = e->out.cap = BUFFER;
	e->in.buf = malloc(BUFFER);
	e->out.buf = malloc(BUFFER);
	if (!e->in.buf || !e->out.buf)
		die("out of memory");
}

/* What does not fit is lost, as on any cable. */
static void
put(struct end *e, const uint8_t *frame, size_t len)
{
	static uint8_t zero[12];
	struct iovec iov[2] = {{zero, e->header}, {(void *)(uintptr_t)frame, len}};

	if (e->stream)
		frame_put(&e->out, frame, len);
	else if (writev(e->fd, iov, 2) < 0)
		note(2, "fd %d: a frame was lost", e->fd);
}

/* False when the end is gone. */
static bool
carry(struct end *from, struct end *to)
{
	static uint8_t buf[FRAME_MAX + 12];
	const uint8_t *frame;
	size_t len;
	ssize_t n;

	if (from->stream) {
		n = frame_fill(&from->in, from->fd);
		while (frame_next(&from->in, &frame, &len) > 0)
			put(to, frame, len);
		return n > 0 || (n < 0 && errno == EAGAIN);
	}
	for (int i = 0; i < 64; i++) {
		n = read(from->fd, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		put(to, buf + from->header, (size_t)n - from->header);
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct wires ws;
	static struct end e[2];

	diag_init(argv[0], 1);
	signal(SIGPIPE, SIG_IGN);
	wires_load_env(&ws);
	wires_check(&ws);
	if (ws.faults || ws.n != (argc > 1 ? 1 : 2))
		die_usage("VM_WIRES: not two ends");
	for (size_t i = 0; i < ws.n; i++)
		open_end(&e[i], ws.v[i].fds[0]);
	if (argc > 1) {
		int fd = fd_connect_unix(argv[1]);

		if (fd < 0)
			die_sys("%s", argv[1]);
		open_end(&e[1], fd);
	}
	for (;;) {
		struct pollfd p[2];

		for (size_t i = 0; i < 2; i++)
			p[i] = (struct pollfd){e[i].fd, POLLIN | (frame_flush(&e[i].out, e[i].fd) ? 0 : POLLOUT), 0};
		if (poll(p, 2, -1) < 0)
			die_sys("poll");
		for (size_t i = 0; i < 2; i++)
			if ((p[i].revents & ~POLLOUT) && !carry(&e[i], &e[!i]))
				return 0;
	}
}
