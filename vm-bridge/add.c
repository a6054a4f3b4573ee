/* SPDX-License-Identifier: ISC */
/* vm-bridge add, set and del: bridges that stay. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/link.h"
#include "vm-bridge/barrier.h"
#include "vm-bridge/change.h"
#include "vm-bridge/ensure.h"
#include "vm-bridge/port.h"
#include "vm-bridge/verbs.h"

int
verb_add(int argc, char **argv)
{
	struct ensured done;
	struct netlink nl;
	struct options o;

	options_parse(&o, argc, argv, "+:a:fnO:qv");
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	ensure(&nl, &o, o.operands, &done);
	netlink_discard(&done.undo);
	netlink_close(&nl);
	flush_stdout();
	return 0;
}

static void
put_settings(struct netlink_batch *b, const struct link *l, const struct attrs *s)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = l->index };
	struct nl_msg *m = netlink_add(b, RTM_NEWLINK, 0, &head, sizeof(head), "%s", l->name);
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO), *data;

	nla_put_string(m, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	attrs_put(&bridge_settings, s, m);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
}

/* The kernel takes settings one by one, so on a failure those are put back that it has taken. */
static void
change_settings(struct netlink *nl, const struct link *l, const struct attrs *s)
{
	struct attrs old = l->settings;
	struct netlink_batch b = { 0 };
	struct link now;
	char why[sizeof(nl->why)];

	old.given &= s->given;
	put_settings(&b, l, s);
	if (netlink_commit(nl, &b, NULL)) {
		memcpy(why, nl->why, sizeof(why));
		put_settings(&b, l, &old);
		netlink_commit(nl, &b, NULL);
		die("%s%s", why, settings_need_vlan(s) ? " (does this kernel filter VLANs?)" : "");
	}
	link_get_bridge(nl, l->name, &now);
	if (attrs_differ(&bridge_settings, s, &now.settings, why, sizeof(why))) {
		put_settings(&b, l, &old);
		netlink_commit(nl, &b, NULL);
		die("%s: %s", l->name, why);
	}
}

int
verb_set(int argc, char **argv)
{
	struct netlink nl;
	struct options o;
	struct link l;

	options_parse(&o, argc, argv, "+:O:qv");
	options_end(&o);
	if (o.mac_word || o.mtu)
		die_usage("mac and mtu are given to a bridge by add alone");
	if (!o.settings.given)
		die_usage("nothing to set: no -O");
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	link_get_bridge(&nl, o.bridge, &l);
	change_settings(&nl, &l, &o.settings);
	netlink_close(&nl);
	return 0;
}

static bool
is_own_tunnel(const struct link *l, const char *bridge)
{
	char tag[TAG_MAX];

	barrier_tag(tag, bridge);
	return !strcmp(l->kind, "vxlan") && !strcmp(l->alias, tag);
}

/* The bridge with the tunnels made for it, if no port of others' is left. */
static void
delete_bridge(struct netlink *nl, const struct link *bridge, bool force, struct netlink_batch *b)
{
	struct links ls = { 0 };

	links_load(nl, &ls);
	for (size_t i = 0; i < ls.n; i++) {
		if (ls.v[i].master != bridge->index)
			continue;
		if (is_own_tunnel(&ls.v[i], bridge->name))
			link_delete(b, ls.v[i].index, ls.v[i].name);
		else if (!force)
			die("%s: has the port %s still (-f deletes it all the same)", bridge->name, ls.v[i].name);
	}
	link_delete(b, bridge->index, bridge->name);
	links_free(&ls);
}

static void
remove_ports(struct netlink *nl, const struct link *bridge, char **names, struct netlink_batch *b)
{
	for (; *names; names++) {
		struct link l;
		int err = link_get(nl, *names, &l);

		if (err && err != -ENODEV)
			die("%s", nl->why);
		if (err || l.master != bridge->index) {
			note(1, "%s: is no port of %s", *names, bridge->name);
			continue;
		}
		if (is_own_tunnel(&l, bridge->name))
			link_delete(b, l.index, l.name);
		else
			port_leave(b, &l, bridge->name);
	}
}

/* To delete it, or to let the NIC go as it is, would cut off the host. */
static void
refuse_adopted(const struct link *bridge, char *const *ports)
{
	struct adopted a;
	bool named = !*ports;

	if (!adopted_read(&a, bridge->alias))
		return;
	for (; *ports; ports++)
		named |= !strcmp(*ports, a.nic);
	if (named)
		die("%s: has adopted %s: vm-bridge release %s gives it back", bridge->name, a.nic, bridge->name);
}

int
verb_del(int argc, char **argv)
{
	struct netlink_batch b = { 0 };
	struct netlink nl;
	struct options o;
	struct link l;
	bool ok = true;
	int err;

	options_parse(&o, argc, argv, "+:fqv");
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	err = link_get(&nl, o.bridge, &l);
	if (err && err != -ENODEV)
		die("%s", nl.why);
	if (!err && !link_is_bridge(&l))
		die("%s: is no bridge", o.bridge);
	if (!err)
		refuse_adopted(&l, o.operands);
	if (err)
		note(1, "%s", nl.why);
	else if (*o.operands)
		remove_ports(&nl, &l, o.operands, &b);
	else
		delete_bridge(&nl, &l, o.force, &b);
	if (netlink_commit(&nl, &b, NULL))
		die("%s", nl.why);
	if (!*o.operands)
		ok = barrier_remove(o.bridge);
	netlink_close(&nl);
	return !ok;
}
