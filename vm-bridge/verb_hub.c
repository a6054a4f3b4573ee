/* SPDX-License-Identifier: ISC */
/*
 * vm-bridge hub: a switch for any number of guests. Who comes first to its path leaves it behind as a backend, which ends
 * when the last guest has gone; or it is served in the foreground.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/control.h"
#include "common/diag.h"
#include "common/seal.h"
#include "common/socket_file.h"
#include "vm-bridge/door.h"
#include "vm-bridge/meet.h"
#include "vm-bridge/plug.h"
#include "vm-bridge/serve.h"
#include "vm-bridge/sock.h"
#include "vm-bridge/verbs.h"

#define PLACES (PLUG_LISTEN_MAX + 1) /* -l, and the operand */
#define LEAVE_RETRY 50		     /* ms */

static struct service {
	struct loop loop;
	struct hub hub;
	struct meet meet[PLACES]; /* of those that are paths */
	size_t nmeets;
	struct {
		int fd;
		const char *word;
	} listeners[PLACES];
	size_t nlisteners;
	struct door doors[PLACES];
	int control_fd; /* -1: none */
	struct control control;
	struct timer leaving;
	struct wires *wires; /* that are plugged in */
} s = {.control_fd = -1};

/* --- control --- */

static void
list(FILE *out)
{
	for (unsigned i = 0; i < HUB_PORTS; i++) {
		const struct port *p = s.hub.ports[i];

		if (p)
			fprintf(out, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%zu\n", p->name,
			    p->in.frames, p->in.bytes, p->out.frames - p->cable.dropped, p->out.bytes, p->cable.dropped,
			    macs_count(&s.hub.macs, p->index, s.hub.now));
	}
}

static void
wire_left(struct port *p)
{
	wires_unplug(s.wires, p->arg);
}

/* NULL, or why not. */
static const char *
plug_wire(struct wire *w)
{
	const char *why;
	struct port *p = hub_plug(&s.hub, w->fds[0], w->id, &why);

	if (p) {
		p->left = wire_left;
		p->arg = w;
	}
	return why;
}

static const char *
take_wire(const char *word, struct control_fds *fds)
{
	const char *why;
	struct wire *w = wires_plug(s.wires, word, strlen(word), fds->v, fds->n, &why);

	if (!w)
		return why;
	why = w->kind == WIRE_NET && w->nfds == 1 ? plug_wire(w) : "not a net wire of one queue";
	if (why) {
		wires_unplug(s.wires, w);
		return why;
	}
	fds->v[0] = -1;
	strcpy(fds->id, w->id);
	return NULL;
}

static const char *
request(void *arg, char *line, struct control_fds *fds, FILE *out)
{
	(void)arg;
	if (!strncmp(line, "wire ", 5))
		return take_wire(line + 5, fds);
	if (!strcmp(line, "list"))
		return list(out), NULL;
	if (!strcmp(line, "quit"))
		return loop_stop(&s.loop), NULL;
	return "not one of: wire WIRE, list, quit";
}

/* --- the end of a backend --- */

/* Everybody has gone; those who are just coming must find us, or start another. */
static void
leave(struct timer *t)
{
	if (s.hub.nports)
		return;
	if (meet_leave(&s.meet[0]))
		loop_stop(&s.loop);
	else
		timer_set(t, timer_now() + LEAVE_RETRY);
}

static void
port_left(struct hub *h)
{
	if (!h->nports)
		timer_set(&s.leaving, timer_now());
}

/* --- */

/* Dies when it cannot be had. */
static void
listen_at(const char *word)
{
	union address a = sock_address(word);
	int fd;

	if (a.sa.sa_family == AF_UNIX) {
		struct meet *m = &s.meet[s.nmeets++];

		meet_lock(m, word);
		meet_serve(m);
		meet_unlock(m);
		fd = m->listener;
	} else {
		fd = sock_listen(word, &a);
	}
	s.listeners[s.nlisteners].fd = fd;
	s.listeners[s.nlisteners++].word = word;
}

static void
open_all(const struct plug *p)
{
	for (size_t i = 0; i < p->nlisten; i++)
		listen_at(p->listen[i]);
	if (p->control)
		s.control_fd = socket_file_listen(p->control);
	if (p->control && s.control_fd < 0)
		die_sys("-C %s", p->control);
}

static void
run(unsigned flags, int ready_fd)
{
	int err = 0;

	for (size_t i = 0; i < s.nlisteners && !err; i++)
		err = door_listen(&s.doors[i], &s.hub, s.listeners[i].fd, s.listeners[i].word, false);
	if (!err && s.control_fd >= 0)
		err = control_start(&s.control, &s.loop, s.control_fd, request, NULL);
	if (err)
		die_sys("epoll");
	serve(&s.loop, flags | SERVE_MEETS, ready_fd);
	for (size_t i = 0; i < s.nmeets; i++)
		meet_remove(&s.meet[i]);
}

static void
begin(void)
{
	if (loop_init(&s.loop) < 0)
		die_sys("epoll");
	hub_init(&s.hub, &s.loop);
}

static int
in_foreground(const struct plug *p)
{
	const char *why;

	s.wires = plug_wires(p, false);
	begin();
	for (struct wire *w = s.wires->v; w < s.wires->v + s.wires->n; w++) {
		why = w->kind == WIRE_NET ? plug_wire(w) : NULL;
		if (why)
			die("%s: %s", w->id, why);
	}
	open_all(p);
	run(0, p->ready_fd);
	return 0;
}

/* The lock is held, and nobody serves the path. True in the backend. */
static bool
become_server(const struct plug *p)
{
	int keep[2 * PLACES + 1];
	size_t n = 0;

	s.nmeets = 1;
	meet_serve(&s.meet[0]);
	s.listeners[s.nlisteners].fd = s.meet[0].listener;
	s.listeners[s.nlisteners++].word = p->operand;
	open_all(p);
	for (size_t i = 0; i < s.nlisteners; i++)
		keep[n++] = s.listeners[i].fd;
	for (size_t i = 0; i < s.nmeets; i++)
		keep[n++] = s.meet[i].dir;
	keep[n++] = s.control_fd;
	return backend_fork(keep, n);
}

static void
in_backend(void)
{
	static struct wires none;

	s.wires = &none;
	for (size_t i = 0; i < s.nmeets; i++)
		meet_own(&s.meet[i]);
	begin();
	s.hub.changed = port_left;
	if (timer_init(&s.leaving, &s.loop, leave) < 0)
		die_sys("epoll");
	port_left(&s.hub); /* the first is still to come: while he lives he holds the lock, and we stay */
	run(SERVE_BACKEND | (diag_verbose > 0 ? 0 : SERVE_MUTE), -1);
}

int
verb_hub(int argc, char **argv)
{
	struct plug p;
	int fd;

	plug_parse(&p, argc, argv, "+:C:l:qR:S:U:u:vw:", NULL);
	if (p.user)
		seal_user(p.user);
	if (plug_serves(&p)) {
		if (p.operand || !p.nlisten)
			die_usage("hub: a path and a program (or -S), or -l alone (try --help)");
		return in_foreground(&p);
	}
	if (!p.operand)
		die_usage("hub: no path (try --help)");
	meet_lock(&s.meet[0], p.operand);
	fd = meet_connect(&s.meet[0]);
	if (fd < 0) {
		if (become_server(&p)) {
			in_backend();
			return 0;
		}
		meet_disown();
		fd = meet_connect(&s.meet[0]);
		if (fd < 0)
			die("%s: nobody is there", p.operand);
	}
	meet_unlock(&s.meet[0]);
	return plug_hand_on(&p, fd);
}
