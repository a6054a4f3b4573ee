/* SPDX-License-Identifier: ISC */
/*
 * vm-vnc: a guest's screen for VNC viewers and browsers. A parent (hub.c) has the machine's wire; each viewer is met by a
 * process that knows no machine (front.c) and drawn for by another that knows no network but its own socket (viewer.c).
 */
#include <errno.h>
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
#include "vm-vnc/display.h"
#include "vm-vnc/front.h"
#include "vm-vnc/hub.h"
#include "vm-vnc/screenshot.h"
#include "vm-vnc/terminal.h"

/* The wire's two ends, of which ours is the first. */
static void
make_wire(int sv[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
}

static _Noreturn void
load(const struct options *o, int control)
{
	int sv[2], keep[FRONT_KEEP_MAX + 2], wire;
	size_t n = front_keep(keep);
	char word[64];

	make_wire(sv);
	keep[n++] = sv[0];
	keep[n++] = control;
	if (backend_fork(keep, n))
		exit(hub_run(o, sv[0], control));
	for (size_t i = 0; i < n; i++)
		if (keep[i] >= 0)
			close(keep[i]);
	backend_tell(o->ready_fd); /* the notification socket is left to the program: it is the service */
	wire = fd_move_high(sv[1]);
	snprintf(word, sizeof(word), "fb,fd=%d", wire);
	wire_export(word);
	wire_exec(o->program);
}

/* -S: the machine hears of its wire first, so that a refusal costs nothing. Returns our end. */
static int
send_wire(const struct options *o)
{
	int sv[2];

	make_wire(sv);
	if (wire_send(o->send_to, "fb,fd=0", &sv[1], 1))
		exit(1);
	close(sv[1]);
	return sv[0];
}

/* -G, -X: by a vm-vnc that runs, or on the wire itself. */
static int
look(const struct options *o)
{
	int wire = o->control ? display_attach(o->control) : o->wire;

	if (o->mode == MODE_TERMINAL)
		return terminal_run(wire, o->rate);
	return screenshot_save(wire, o->picture);
}

int
main(int argc, char **argv)
{
	static struct options o;
	int keep[FRONT_KEEP_MAX + 3], wire, control = -1;
	size_t n;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	if (o.mode == MODE_LOADER)
		diag_exit = 125;
	if (o.check) {
		options_print(&o);
		flush_stdout();
		return 0;
	}
	if (o.mode == MODE_SCREENSHOT || o.mode == MODE_TERMINAL)
		return look(&o);
	front_open();
	if (o.user)
		seal_user(o.user);
	if (o.control) {
		control = socket_file_listen(o.control);
		if (control < 0)
			die_sys("-C %s", o.control);
	}
	if (o.mode == MODE_LOADER)
		load(&o, control);
	wire = o.mode == MODE_SEND ? send_wire(&o) : o.wire;
	n = front_keep(keep);
	keep[n++] = wire;
	keep[n++] = control;
	keep[n++] = o.ready_fd;
	fd_close_others(keep, n);
	return hub_run(&o, wire, control);
}
