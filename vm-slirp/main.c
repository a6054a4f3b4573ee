/* SPDX-License-Identifier: ISC */
/*
 * vm-slirp: a whole user-mode network behind one descriptor. Two processes serve a guest: the stack (stack.c), which
 * sees its frames and is sealed in (room.c), and the broker (broker.c), which opens for it what it may not open itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/socket_file.h"
#include "common/wire.h"
#include "vm-slirp/broker.h"
#include "vm-slirp/options.h"

/* What stays open of all that the user's other loaders opened for the program. Returns how many. */
static size_t
own(const struct doorway *d, int keep[FORWARDS_MAX + 3])
{
	size_t n = 0;

	for (size_t i = 0; i < d->nforwards; i++)
		keep[n++] = d->forwards[i].fd;
	keep[n++] = d->control;
	keep[n++] = d->cable;
	keep[n++] = d->listener;
	return n;
}

/* The wire's two ends, of which ours is d->cable. A stream: it carries many frames a system call, and so costs a third
 * to a half less CPU than a packet socket (tests/bench/slirp). */
static int
make_wire(struct doorway *d)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
	d->cable = sv[0];
	return sv[1];
}

static void
format_wire(char *word, size_t size, const struct options *o, int fd)
{
	if (o->net.mtu == 1500)
		snprintf(word, size, "net,fd=%d,xgso=on", fd);
	else
		snprintf(word, size, "net,fd=%d,mtu=%zu,xgso=on", fd, o->net.mtu);
}

static _Noreturn void
load(const struct options *o, struct doorway *d)
{
	int wire = make_wire(d), keep[FORWARDS_MAX + 3];
	size_t n = own(d, keep);
	char word[64];

	if (backend_fork(keep, n))
		exit(broker_run(o, d));
	close(d->cable);
	for (size_t i = 0; i < d->nforwards; i++)
		close(d->forwards[i].fd);
	backend_tell(o->ready_fd); /* the notification socket is left to the program: it is the service */
	wire = fd_move_high(wire);
	format_wire(word, sizeof(word), o, wire);
	wire_export(word);
	wire_exec(o->program);
}

/* -S: the machine hears of its wire first, so that a refusal costs nothing. */
static void
send_wire(const struct options *o, struct doorway *d)
{
	int wire = make_wire(d);
	char word[64];

	format_wire(word, sizeof(word), o, 0);
	if (wire_send(o->send_to, word, &wire, 1))
		exit(1);
	close(wire);
}

static int
control_open(const char *path)
{
	int fd = socket_file_listen(path);

	if (fd < 0)
		die_sys("-C %s", path);
	return fd;
}

/* The stack opens it later, when nobody is there any more to be told. */
static void
check_dir(char letter, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die_sys("-%c %s", letter, path);
	close(fd);
}

int
main(int argc, char **argv)
{
	static struct options o;
	static struct doorway d = {.control = -1, .listener = -1, .cable = -1};
	int keep[FORWARDS_MAX + 4];
	size_t nkeep;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	if (o.mode == MODE_LOADER)
		diag_exit = 125;
	if (o.check) {
		options_print(&o);
		flush_stdout();
		return 0;
	}
	doorway_open_forwards(&d, &o);
	if (o.user)
		seal_user(o.user);
	if (o.net.tftp_dir)
		check_dir('T', o.net.tftp_dir);
	targets_open(&d.targets, &o);
	if (o.control)
		d.control = control_open(o.control);
	switch (o.mode) {
	case MODE_LOADER:
		load(&o, &d);
	case MODE_SEND:
		send_wire(&o, &d);
		break;
	case MODE_LISTEN:
		d.listener = socket_file_listen(o.listen);
		if (d.listener < 0)
			die_sys("-l %s", o.listen);
		break;
	case MODE_WIRE:
		d.cable = o.wire_fd;
	}
	nkeep = own(&d, keep);
	keep[nkeep++] = o.ready_fd;
	fd_close_others(keep, nkeep);
	return broker_run(&o, &d);
}
