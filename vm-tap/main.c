/* SPDX-License-Identifier: ISC */
/* vm-tap: a tap, ready on its bridge, whose descriptor is left open for the program that runs next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-tap/list.h"
#include "vm-tap/options.h"
#include "vm-tap/tap.h"

/* The wire's word; its descriptors are fds, or, to be sent, their indexes. */
static void
format_wire(char word[WIRE_TEXT_MAX], const struct want *w, const struct tap *t, bool indexes)
{
	int len = snprintf(word, WIRE_TEXT_MAX, "net,fd=");

	for (unsigned i = 0; i < t->n; i++)
		len += snprintf(word + len, WIRE_TEXT_MAX - (size_t)len, "%s%d", i ? ":" : "", indexes ? (int)i : t->fds[i]);
	if (w->has_mac)
		len += snprintf(word + len, WIRE_TEXT_MAX - (size_t)len, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", w->mac[0], w->mac[1],
		    w->mac[2], w->mac[3], w->mac[4], w->mac[5]);
	if (t->mtu != 1500)
		snprintf(word + len, WIRE_TEXT_MAX - (size_t)len, ",mtu=%u", t->mtu);
}

static _Noreturn void
load(const struct options *o, struct tap *t)
{
	char word[WIRE_TEXT_MAX];

	for (unsigned i = 0; i < t->n; i++)
		t->fds[i] = fd_move_high(t->fds[i]);
	format_wire(word, &o->want, t, false);
	wire_export(word);
	if (o->user)
		seal_user(o->user);
	wire_exec(o->rest);
}

static int
send_wire(const struct options *o, const struct tap *t)
{
	char word[WIRE_TEXT_MAX];

	format_wire(word, &o->want, t, true);
	return wire_send(o->send_to, word, t->fds, t->n);
}

static void
add(struct netlink *nl, const struct want *w)
{
	struct tap t;

	if (!tap_add(nl, w, &t))
		note(1, "%s: there already", w->name);
	else if (!w->name || strchr(w->name, '%'))
		puts(t.name);
}

/* False, said why, when it cannot be deleted. What is gone is as it should be. */
static bool
del(struct netlink *nl, const char *name)
{
	struct link l;
	int err = link_get(nl, name, &l);

	if (err == -ENODEV) {
		note(1, "%s: not there", name);
		return true;
	}
	if (err)
		error("%s", nl->why);
	else if (!link_is_tap(&l) && !link_is_macvtap(&l))
		error("%s: no tap", name);
	else if (link_is_tap(&l) && l.held)
		error("%s: some process has it open", name);
	else if (link_delete(nl, &l))
		error("%s", nl->why);
	else
		return true;
	return false;
}

int
main(int argc, char **argv)
{
	static struct options o;
	struct netlink nl;
	struct tap t;
	int status = 0, err;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	if (o.mode == MODE_LOADER)
		diag_exit = 125;
	err = netlink_open(&nl, NETLINK_ROUTE);
	if (err)
		die("netlink: %s", strerror(-err));
	switch (o.mode) {
	case MODE_ADD: add(&nl, &o.want); break;
	case MODE_DEL:
		for (; *o.rest; o.rest++)
			status |= !del(&nl, *o.rest);
		break;
	case MODE_LIST: list(&nl); break;
	default:
		tap_take(&nl, &o.want, &t);
		netlink_close(&nl);
		if (o.mode == MODE_SEND)
			return send_wire(&o, &t);
		load(&o, &t);
	}
	flush_stdout();
	return status;
}
