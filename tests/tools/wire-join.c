/* SPDX-License-Identifier: ISC */
/*
 * wire-join [SOCKET]: the two net wires of VM_WIRES, or one and a Unix socket to connect to, become one cable: every
 * frame of one goes to the other. With a tap as one of them a network namespace stands in for a guest.
 */
#include <poll.h>
#include <signal.h>

#include "common/cable.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/wire.h"

static void
open_end(struct cable *c, int fd)
{
	const char *why = cable_open(c, fd, 65532);

	if (why)
		die("fd %d: %s", fd, why);
}

static struct cable c[2];

static void
put(void *arg, uint8_t *frame, size_t len)
{
	struct cable *from = arg;

	cable_send_facts(&c[from == c], &from->facts, (const struct iovec[2]){{frame, len}});
}

/* Large frames, when a wire's word offers them. */
static void
agree(const struct wires *ws)
{
	for (size_t i = 0; i < ws->n; i++)
		if (wire_get(&ws->v[i], "xgso")) {
			cable_offload(&c[i], true);
			cable_offload(&c[!i], false);
			return;
		}
}

int
main(int argc, char **argv)
{
	static struct wires ws;

	diag_init(argv[0], 1);
	signal(SIGPIPE, SIG_IGN);
	wires_load_env(&ws);
	wires_check(&ws);
	if (ws.faults || ws.n != (argc > 1 ? 1 : 2))
		die_usage("VM_WIRES: not two ends");
	for (size_t i = 0; i < ws.n; i++)
		open_end(&c[i], ws.v[i].fds[0]);
	if (argc > 1) {
		int fd = fd_connect_unix(argv[1]);

		if (fd < 0)
			die_sys("%s", argv[1]);
		open_end(&c[1], fd);
	}
	agree(&ws);
	for (bool here = true; here;) {
		struct pollfd p[2];

		for (size_t i = 0; i < 2; i++)
			p[i] = (struct pollfd){c[i].fd, POLLIN | (cable_flush(&c[i]) ? 0 : POLLOUT), 0};
		if (poll(p, 2, -1) < 0)
			die_sys("poll");
		for (size_t i = 0; i < 2; i++)
			if ((p[i].revents & ~POLLOUT) && !cable_receive(&c[i], put, &c[i]))
				here = false;
	}
	cable_close(&c[0]);
	cable_close(&c[1]);
	return 0;
}
