/* SPDX-License-Identifier: ISC */
/*
 * vm-bridge listen, connect: a cable to a peer elsewhere, over TCP or a Unix socket. The process between lets the guest
 * start without the peer and outlive it; with -1 there is none, and the guest has the connection itself.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/seal.h"
#include "vm-bridge/door.h"
#include "vm-bridge/meet.h"
#include "vm-bridge/plug.h"
#include "vm-bridge/serve.h"
#include "vm-bridge/sock.h"
#include "vm-bridge/verbs.h"

static struct link {
	struct loop loop;
	struct hub hub;
	struct door door;
	union address address;
	bool listens;
	struct meet meet; /* of a Unix socket that listens */
	int listener;	  /* -1: it dials */
} l;

static void
guest_left(struct port *p)
{
	loop_stop(p->hub->loop);
}

/* Serves the guest's end until it is gone. */
static void
run(const struct plug *p, int guest, unsigned flags)
{
	bool meets = l.listens && l.address.sa.sa_family == AF_UNIX;
	struct port *port;
	const char *why;
	int err;

	if (meets)
		flags |= SERVE_MEETS;
	if (loop_init(&l.loop) < 0)
		die_sys("epoll");
	hub_init(&l.hub, &l.loop);
	l.hub.repeats = true;
	port = hub_plug(&l.hub, guest, "the guest", &why);
	if (!port)
		die("the guest's end: %s", why);
	port->left = guest_left;
	err = l.listens ? door_listen(&l.door, &l.hub, l.listener, p->operand, true) : door_dial(&l.door, &l.hub, &l.address);
	if (err)
		die_sys("epoll");
	serve(&l.loop, flags | (l.listens ? 0 : SERVE_DIALS), p->ready_fd);
	if (meets)
		meet_remove(&l.meet);
}

static void
open_listener(const char *word)
{
	if (l.address.sa.sa_family != AF_UNIX) {
		l.listener = sock_listen(word, &l.address);
		return;
	}
	meet_lock(&l.meet, word);
	meet_serve(&l.meet);
	meet_unlock(&l.meet);
	l.listener = l.meet.listener;
}

/* -1: waits for the peer, however long it takes. */
static int
accept_one(const char *word)
{
	struct pollfd p = {.fd = l.listener, .events = POLLIN};
	int fd;

	do {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			die_sys("%s", word);
		fd = accept4(l.listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		die_sys("%s", word);
	close(l.listener);
	if (l.address.sa.sa_family == AF_UNIX)
		meet_remove(&l.meet);
	return fd;
}

static int
connect_once(const char *word)
{
	struct pollfd p = {.events = POLLOUT};
	bool pending;
	int fd = sock_dial(&l.address, &pending);

	p.fd = fd;
	if (fd < 0 || (pending && (poll(&p, 1, -1) < 0 || !sock_connected(fd))))
		die_sys("%s", word);
	return fd;
}

static int
bare(const struct plug *p)
{
	int fd = l.listens ? accept_one(p->operand) : connect_once(p->operand);

	sock_tune(fd);
	return plug_hand_on(p, fd);
}

static int
behind(const struct plug *p)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
	if (backend_fork((const int[]){sv[1], l.listener, l.listens && l.meet.path ? l.meet.dir : -1}, 3)) {
		run(p, sv[1], SERVE_BACKEND);
		return 0;
	}
	meet_disown();
	return plug_hand_on(p, sv[0]);
}

static int
verb_link(bool listens, int argc, char **argv)
{
	const struct wires *ws;
	struct plug p;

	plug_parse(&p, argc, argv, "+:1qR:S:U:u:vw:", "address");
	l.listens = listens;
	l.listener = -1;
	ws = plug_serves(&p) ? plug_wires(&p, true) : NULL;
	l.address = sock_address(p.operand);
	if (p.user && l.address.sa.sa_family == AF_UNIX)
		seal_user(p.user);
	if (listens)
		open_listener(p.operand);
	if (p.user)
		seal_user(p.user);
	if (ws) {
		run(&p, wires_first(ws, WIRE_NET)->fds[0], 0);
		return 0;
	}
	return p.once ? bare(&p) : behind(&p);
}

int
verb_listen(int argc, char **argv)
{
	return verb_link(true, argc, argv);
}

int
verb_connect(int argc, char **argv)
{
	return verb_link(false, argc, argv);
}
