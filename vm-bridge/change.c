/* SPDX-License-Identifier: ISC */
/*
 * The change of adopt; the contracts are in change.h. While it lasts frames come in through the bridge already, and packets go
 * out through the NIC still, which is sound: it is a port, but may send of its own. So the bridge has the addresses before the
 * NIC is plugged in; once it runs it gets the routes as well; then the NIC's are taken away. The way back is the same, backwards.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/iface.h"
#include "vm-bridge/bypass.h"
#include "vm-bridge/change.h"
#include "vm-bridge/conf.h"
#include "vm-bridge/move.h"
#include "vm-bridge/new.h"
#include "vm-bridge/port.h"

/* net.ipv4.conf.NAME.rp_filter: while packets come in where they do not go out. net.ipv6.conf.NAME.addr_gen_mode: no address of
 * the link from the kernel, which would make one as soon as there is a carrier. */
#define LOOSE "2"
#define GEN_NONE "1"
#define MADE "vm-bridge made for "
#define HAS "vm-bridge has "
#define SETTLE_MS 50 /* what came in by the bridge may still wait in a processor's queue, and needs its addresses */
#define RUNNING_MS 3000 /* the kernel looks at carriers once a second at least */

bool
adopted_read(struct adopted *a, const char *alias)
{
	const char *nic = !strncmp(alias, MADE, strlen(MADE)) ? alias + strlen(MADE) : !strncmp(alias, HAS, strlen(HAS)) ? alias + strlen(HAS) : NULL;

	if (!nic || iface_name_fault(nic))
		return false;
	a->made = alias[strlen("vm-bridge ")] == MADE[strlen("vm-bridge ")];
	snprintf(a->nic, sizeof(a->nic), "%s", nic);
	return true;
}

static bool
commit(struct netlink *nl, struct netlink_batch *b)
{
	int err = netlink_commit(nl, b, NULL);

	if (err)
		error("%s", nl->why);
	return !err;
}

static void
put_alias(struct netlink_batch *b, const struct link *br, const char *alias)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = br->index };

	nla_put_string(netlink_add(b, RTM_NEWLINK, 0, &head, sizeof(head), "%s: alias", br->name), IFLA_IFALIAS, alias);
}

static bool
make(struct netlink *nl, const char *bridge, const struct link *nic)
{
	struct netlink_batch b = { 0 };

	new_bridge(&b, bridge, (struct attrs){ 0 }, nic->mac, nic->mtu);
	return commit(nl, &b);
}

static bool
is_suitable(const struct link *br, const struct link *nic)
{
	if (!link_is_bridge(br))
		error("%s: is no bridge", br->name);
	else if (*br->alias)
		error("%s: has the alias '%s', where it would be written that it adopts %s", br->name, br->alias, nic->name);
	else if (memcmp(br->mac, nic->mac, 6))
		error("%s: has another MAC address than %s (vm-bridge add -O mac=%s gives it the same)", br->name, nic->name, nic->name);
	else if (!(br->flags & IFF_UP))
		error("%s: is down", br->name);
	else
		return true;
	return false;
}

/* A new bridge; whatever its answer was, none that cannot be seen. */
static bool
make_seen(struct netlink *nl, const char *bridge, const struct link *nic, struct link *br)
{
	struct netlink_batch b = { 0 };

	if (!make(nl, bridge, nic))
		return false;
	if (!link_get(nl, bridge, br))
		return true;
	error("%s", nl->why);
	link_delete(&b, 0, bridge);
	netlink_commit(nl, &b, NULL);
	return false;
}

bool
change_prepare(struct netlink *nl, const char *bridge, const struct link *nic, struct link *br, struct adopted *a)
{
	char alias[sizeof(br->alias)];
	struct netlink_batch b = { 0 };
	int err = link_get(nl, bridge, br);

	*a = (struct adopted){ .made = err == -ENODEV };
	memcpy(a->nic, nic->name, sizeof(a->nic));
	if (err && !a->made)
		error("%s", nl->why);
	if (a->made ? !make_seen(nl, bridge, nic, br) : err || !is_suitable(br, nic))
		return false;
	if (a->made)
		conf_copy_all(nic->name, bridge);
	snprintf(alias, sizeof(alias), "%s%s", a->made ? MADE : HAS, nic->name);
	put_alias(&b, br, alias);
	if (commit(nl, &b))
		return true;
	change_cancel(nl, br, a);
	return false;
}

void
change_cancel(struct netlink *nl, const struct link *br, const struct adopted *a)
{
	struct netlink_batch b = { 0 };

	if (a->made)
		link_delete(&b, br->index, br->name);
	else
		put_alias(&b, br, "");
	if (netlink_commit(nl, &b, NULL) && a->made)
		error("%s", nl->why);
}

/* What is sent through a bridge whose carrier the kernel has not yet noticed is lost. */
static bool
wait_running(struct netlink *nl, const struct link *br)
{
	struct netlink events;
	struct pollfd p = { .events = POLLIN };
	bool running = false;
	struct link now;
	char buf[8192];

	if (netlink_listen(&events, NETLINK_ROUTE, RTNLGRP_LINK))
		return false;
	p.fd = events.fd;
	while (!link_get_index(nl, br->index, &now) && !(running = now.oper == IF_OPER_UP) && poll(&p, 1, RUNNING_MS) > 0)
		while (recv(events.fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	netlink_close(&events);
	return running;
}

/* Makes the NIC a port, or no port any more, without a gap in what comes in. */
static bool
plug(struct netlink *nl, const struct link *br, const struct link *nic, int program, bool in)
{
	struct netlink_batch b = { 0 };
	struct link was = *nic;
	int bypass, err;

	was.flags |= IFF_UP;
	if (in)
		port_join(&b, nic, br->index, br->name);
	else
		port_leave(&b, &was, br->name);
	bypass = bypass_begin(program, nic);
	err = netlink_commit(nl, &b, NULL);
	if (bypass >= 0)
		close(bypass);
	if (err)
		error("%s", nl->why);
	return !err;
}

static bool
is_port(struct netlink *nl, const struct link *br, const struct link *nic)
{
	struct link now;

	return !link_get_index(nl, nic->index, &now) && now.master == br->index;
}

static bool
plug_in(struct netlink *nl, const struct link *br, const struct link *nic, int program)
{
	if (!plug(nl, br, nic, program, true))
		return false;
	if (!(nic->flags & IFF_RUNNING) || wait_running(nl, br))
		return true;
	error("%s: does not run with %s", br->name, nic->name);
	return false;
}

static bool
plan(struct netlink *nl, const struct link *from, const struct link *to, struct move *m)
{
	int err = move_plan(nl, from, to, m);

	if (err)
		error("%s: %s", from->name, nl->why);
	return !err;
}

/* What may have come or gone by itself already. */
static bool
try(struct netlink *nl, struct netlink_batch *b)
{
	if (netlink_commit(nl, b, NULL))
		note(1, "%s", nl->why);
	return true;
}

bool
change_adopt(struct netlink *nl, const struct link *br, const struct link *nic, const struct adopted *a, int program)
{
	bool ok;
	struct move m;

	conf_set("ipv4", br->name, "rp_filter", LOOSE);
	conf_set("ipv6", br->name, "addr_gen_mode", GEN_NONE);
	ok = plan(nl, nic, br, &m) && commit(nl, &m.add_addresses) && plug_in(nl, br, nic, program) && try(nl, &m.add_connected) && commit(nl, &m.add_rest);
	if (ok) {
		try(nl, &m.remove_rest);
		try(nl, &m.remove_addresses);
		conf_copy("ipv4", nic->name, br->name, "rp_filter");
		conf_copy("ipv6", nic->name, br->name, "addr_gen_mode");
		conf_set("ipv6", nic->name, "addr_gen_mode", GEN_NONE);
	} else {
		netlink_commit(nl, &m.undo, NULL);
		if (is_port(nl, br, nic))
			plug(nl, br, nic, program, false);
		change_cancel(nl, br, a);
	}
	move_discard(&m);
	return ok;
}

static bool
has_other_ports(struct netlink *nl, const struct link *br, const struct link *nic)
{
	struct links ls = { 0 };
	bool others = false;

	links_load(nl, &ls);
	for (size_t i = 0; i < ls.n; i++)
		others |= ls.v[i].master == br->index && ls.v[i].index != nic->index;
	links_free(&ls);
	return others;
}

bool
change_release(struct netlink *nl, const struct link *bridge, int program)
{
	struct link br, nic;
	struct adopted a;
	struct move m;
	bool ok;

	/* By index: another of the same name is not the one that was meant. */
	if (link_get_index(nl, bridge->index, &br) || !adopted_read(&a, br.alias)) {
		error("%s: has adopted nothing", bridge->name);
		return false;
	}
	if (link_get(nl, a.nic, &nic)) {
		error("%s", nl->why);
		return false;
	}
	conf_set("ipv4", br.name, "rp_filter", LOOSE);
	ok = plan(nl, &br, &nic, &m) && commit(nl, &m.add_addresses) && try(nl, &m.add_connected) && commit(nl, &m.add_rest);
	if (!ok) {
		netlink_commit(nl, &m.undo, NULL);
		move_discard(&m);
		return false;
	}
	try(nl, &m.remove_rest);
	plug(nl, &br, &nic, program, false);
	poll(NULL, 0, SETTLE_MS);
	try(nl, &m.remove_addresses);
	conf_copy("ipv6", br.name, nic.name, "addr_gen_mode");
	move_discard(&m);
	if (a.made && has_other_ports(nl, &br, &nic)) {
		warn("%s: stays, for it has other ports", br.name);
		a.made = false;
	}
	change_cancel(nl, &br, &a);
	return true;
}
