/* SPDX-License-Identifier: ISC */
/*
 * vm-bridge udp, mcast: a frame a datagram. Guests take such sockets as they are, so there is no process between; only a
 * wire that was handed to us is joined to the socket by one.
 */
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/seal.h"
#include "vm-bridge/hub.h"
#include "vm-bridge/plug.h"
#include "vm-bridge/serve.h"
#include "vm-bridge/sock.h"
#include "vm-bridge/verbs.h"

static void
end_left(struct port *p)
{
	loop_stop(p->hub->loop);
}

static void
join(const struct plug *p, const struct wires *ws, int fd)
{
	static struct hub h;
	const int ends[] = {wires_first(ws, WIRE_NET)->fds[0], fd};
	struct loop loop;
	const char *why;

	if (loop_init(&loop) < 0)
		die_sys("epoll");
	hub_init(&h, &loop);
	h.repeats = true;
	for (size_t i = 0; i < 2; i++) {
		struct port *port = hub_plug(&h, ends[i], i ? p->operand : "the wire", &why);

		if (!port)
			die("%s: %s", i ? p->operand : "the wire", why);
		port->left = end_left;
	}
	serve(&loop, 0, p->ready_fd);
}

static int
finish(const struct plug *p, const struct wires *ws, int fd)
{
	if (p->user)
		seal_user(p->user);
	if (!ws)
		return plug_hand_on(p, fd);
	join(p, ws, fd);
	return 0;
}

static const char *
one_local(const struct plug *p)
{
	if (p->nlisten > 1)
		die_usage("-l %s: given twice", p->listen[1]);
	return p->nlisten ? p->listen[0] : NULL;
}

/* Of words that may be paths, those that may not here. */
static union address
inet_address(const char *word)
{
	union address a = sock_address(word);

	if (a.sa.sa_family == AF_UNIX)
		die_usage("%s: a path, where [ADDRESS:]PORT is wanted", word);
	return a;
}

int
verb_udp(int argc, char **argv)
{
	union address remote, local = {.sa.sa_family = AF_UNSPEC};
	const struct wires *ws;
	const char *word;
	struct plug p;

	plug_parse(&p, argc, argv, "+:l:qR:S:U:u:vw:", "address");
	word = one_local(&p);
	ws = plug_serves(&p) ? plug_wires(&p, true) : NULL;
	remote = inet_address(p.operand);
	if (address_is_multicast(&remote))
		die_usage("%s: a multicast group: use mcast", p.operand);
	if (word)
		local = inet_address(word);
	if (word && local.sa.sa_family != remote.sa.sa_family)
		die_usage("-l %s: IPv4 and IPv6 cannot be mixed", word);
	return finish(&p, ws, sock_udp(p.operand, &remote, &local));
}

/* "ttl=N", "loop=on", "loop=off" */
static void
set(struct sock_group *g, const char *word)
{
	uint64_t n;

	if (!strncmp(word, "ttl=", 4) && num_parse(word + 4, 0, 255, &n))
		g->hops = (unsigned)n;
	else if (!strcmp(word, "loop=on") || !strcmp(word, "loop=off"))
		g->loop = word[6] == 'n';
	else
		die_usage("-O %s: not ttl= with 0 to 255, nor loop=on, nor loop=off", word);
}

int
verb_mcast(int argc, char **argv)
{
	struct sock_group g = {.hops = 1, .loop = true};
	const struct wires *ws;
	struct plug p;

	plug_parse(&p, argc, argv, "+:l:O:qR:S:U:u:vw:", "group");
	for (size_t i = 0; i < p.nsettings; i++)
		set(&g, p.settings[i]);
	g.local = one_local(&p);
	ws = plug_serves(&p) ? plug_wires(&p, true) : NULL;
	g.address = inet_address(p.operand);
	if (!address_is_multicast(&g.address))
		die_usage("%s: not a multicast group and a port", p.operand);
	return finish(&p, ws, sock_group(p.operand, &g));
}
