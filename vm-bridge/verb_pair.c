/* SPDX-License-Identifier: ISC */
/*
 * vm-bridge pair: one cable between two programs that were started apart. Who comes first to the path leaves a process
 * behind that keeps the other end, and hands it over to the second; from then on there is nothing between the two.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/frame.h"
#include "common/seal.h"
#include "common/timer.h"
#include "vm-bridge/meet.h"
#include "vm-bridge/plug.h"
#include "vm-bridge/serve.h"
#include "vm-bridge/verbs.h"

#define RETRY 50 /* ms */

/* The process between the first and the second. */
static struct keeper {
	struct loop loop;
	struct meet meet;
	struct watch end, listener;
	struct timer again;
	size_t have; /* bytes of the length of the frame that is being thrown away */
	uint32_t head, left;
} k;

static void
again(void)
{
	timer_set(&k.again, timer_now() + RETRY);
}

/*
 * What the first sends before the second is there goes nowhere, as on a cable whose other end hangs loose: it must not
 * fill the socket and hold up the first. But the second must begin with a whole frame, so no byte is read beyond one.
 * False at the end of the first, or when it broke the framing.
 */
static bool
throw_away(int fd)
{
	static uint8_t dump[FRAME_MAX];
	bool head = k.have < sizeof(k.head);
	ssize_t n = head ? read(fd, (uint8_t *)&k.head + k.have, sizeof(k.head) - k.have)
			 : read(fd, dump, k.left < sizeof(dump) ? k.left : sizeof(dump));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (head) {
		k.have += (size_t)n;
		k.left = be32toh(k.head);
		if (k.have == sizeof(k.head) && (k.left < FRAME_MIN || k.left > FRAME_MAX))
			return false;
	} else {
		k.left -= (uint32_t)n;
	}
	if (k.have == sizeof(k.head) && !k.left)
		k.have = 0;
	return true;
}

/*
 * The second holds the lock until it has its end, so nobody can be between it and the end of the path. What the first says
 * from here on is his: also what the kernel has reported to us already.
 */
static void
hand_over(void)
{
	int fd = accept4(k.listener.fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) { /* he has given up */
		loop_watch(&k.loop, &k.listener, EPOLLIN);
		return;
	}
	loop_unwatch(&k.end);
	meet_remove(&k.meet);
	if (fd_send(fd, "", 1, &k.end.fd, 1) != 1)
		warn_sys("%s: handing over the cable", k.meet.path);
	loop_stop(&k.loop);
}

static void
first_spoke(struct watch *w, uint32_t events)
{
	(void)events;
	if (!throw_away(w->fd)) {
		loop_unwatch(w);
		loop_unwatch(&k.listener);
		again();
	} else if (!k.have && !k.listener.events) {
		hand_over();
	}
}

/* In the middle of a frame he waits for the rest of it, which is on its way. */
static void
second_came(struct watch *w, uint32_t events)
{
	(void)events;
	if (k.have)
		loop_unwatch(w);
	else
		hand_over();
}

/* The first has gone. Who is just being the second holds the lock, and becomes the first when we hang up on him. */
static void
end(struct timer *t)
{
	(void)t;
	if (accept4(k.listener.fd, NULL, NULL, SOCK_CLOEXEC) >= 0)
		meet_remove(&k.meet);
	else if (!meet_leave(&k.meet)) {
		again();
		return;
	}
	loop_stop(&k.loop);
}

static void
keep_end(int fd)
{
	meet_own(&k.meet);
	k.end = (struct watch){.fd = fd, .handler = first_spoke};
	k.listener = (struct watch){.fd = k.meet.listener, .handler = second_came};
	if (!fd_set_nonblock(fd, true) || loop_init(&k.loop) < 0 || timer_init(&k.again, &k.loop, end) < 0 ||
	    loop_watch(&k.loop, &k.end, EPOLLIN) < 0 || loop_watch(&k.loop, &k.listener, EPOLLIN) < 0)
		die_sys("epoll");
	serve(&k.loop, SERVE_BACKEND | SERVE_MEETS, -1);
}

static void
make_pair(int sv[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
}

/* The end that the first left for us; -1: there is no first, or it went while we asked. */
static int
take_end(struct meet *m)
{
	int sock = meet_connect(m), fd = -1;
	size_t n = 1;
	char byte;

	if (sock < 0)
		return -1;
	if (fd_recv(sock, &byte, 1, &fd, &n) < 1 || !n)
		fd = -1;
	close(sock);
	return fd;
}

int
verb_pair(int argc, char **argv)
{
	struct plug p;
	int fd, sv[2];

	plug_parse(&p, argc, argv, "+:qR:S:U:u:v", "path");
	if (plug_serves(&p))
		die_usage("pair: no program (try --help)");
	if (p.user)
		seal_user(p.user);
	if (!strcmp(p.operand, "-")) {
		if (p.send_to)
			die_usage("pair: -S: both ends go to one program");
		make_pair(sv);
		plug_hand_on_both(&p, sv);
	}
	meet_lock(&k.meet, p.operand);
	fd = take_end(&k.meet);
	if (fd < 0) {
		make_pair(sv);
		meet_serve(&k.meet);
		if (backend_fork((const int[]){sv[1], k.meet.listener, k.meet.dir}, 3)) {
			keep_end(sv[1]);
			return 0;
		}
		meet_disown();
		fd = sv[0];
	}
	meet_unlock(&k.meet);
	return plug_hand_on(&p, fd);
}
