/* SPDX-License-Identifier: ISC */
/* Making a bridge what it was asked to be; the contracts are in ensure.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/iface.h"
#include "common/link.h"
#include "common/net_mac.h"
#include "common/num.h"
#include "vm-bridge/barrier.h"
#include "vm-bridge/ensure.h"
#include "vm-bridge/ifaddr.h"
#include "vm-bridge/new.h"
#include "vm-bridge/port.h"

/* -O mac=: an address, or the interface whose address it is to be; else its own, the same whenever it is made on this machine. */
static void
choose_mac(struct netlink *nl, const struct options *o, uint8_t mac[6])
{
	struct link l;

	if (!o->mac_word) {
		net_mac_default(net_mac_seed(NULL), o->bridge, mac);
	} else if (!mac_parse(o->mac_word, mac)) {
		if (iface_name_fault(o->mac_word) || link_get(nl, o->mac_word, &l) || !l.ethernet)
			die("-O mac=%s: neither an address nor an Ethernet interface", o->mac_word);
		memcpy(mac, l.mac, 6);
	}
}

/* What of the bridge that is there is not as asked for. */
static void
compare(struct netlink *nl, const struct options *o, const struct link *l)
{
	uint8_t mac[6];
	char why[80];

	if (!link_is_bridge(l))
		die("%s: is there, and no bridge%s%s", o->bridge, *l->kind ? " but of kind " : "", l->kind);
	if (attrs_differ(&bridge_settings, &o->settings, &l->settings, why, sizeof(why)))
		die("%s: %s", o->bridge, why);
	if (o->mtu && o->mtu != l->mtu)
		die("%s: mtu is %u, not %u", o->bridge, l->mtu, o->mtu);
	if (!o->mac_word)
		return;
	choose_mac(nl, o, mac);
	if (memcmp(mac, l->mac, 6))
		die("%s: mac is %02x:%02x:%02x:%02x:%02x:%02x, not %s", o->bridge, l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5],
			o->mac_word);
}

/* Which of the addresses asked for are there. */
struct have {
	const struct options *o;
	int index;
	bool there[ADDRESSES_MAX];
	struct prefix clash; /* the same address with another prefix */
};

static int
take_address(struct nlmsghdr *h, void *arg)
{
	struct have *have = arg;
	struct prefix a;

	if (!ifaddr_read(h, have->index, &a))
		return 0;
	for (size_t i = 0; i < have->o->naddresses; i++) {
		const struct prefix *want = &have->o->addresses[i];

		if (want->family != a.family || memcmp(want->addr, a.addr, sizeof(a.addr)))
			continue;
		have->there[i] = want->len == a.len;
		if (!have->there[i])
			have->clash = a;
	}
	return 0;
}

static void
find_addresses(struct netlink *nl, struct have *have)
{
	struct ifaddrmsg any = { .ifa_family = AF_UNSPEC };
	char text[PREFIX_TEXT_MAX];
	int err;

	while ((err = netlink_ask(nl, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any), take_address, have)) == -EAGAIN)
		;
	if (err)
		die("%s: addresses: %s", have->o->bridge, nl->why);
	if (!have->clash.family)
		return;
	prefix_format(&have->clash, text);
	die("%s: has the address %s, not with the prefix asked for", have->o->bridge, text);
}

/* What is there, and what is missing of what was asked for. */
struct plan {
	struct netlink *nl;
	const struct options *o;
	struct link bridge; /* index 0: not there yet */
	bool there[ADDRESSES_MAX];
	struct link *ports; /* those to join, as they are now */
	size_t nports;
	struct vxlan *tunnels; /* those to make */
	size_t ntunnels;
};

static void
look_at_bridge(struct plan *p)
{
	struct have have = { .o = p->o };
	int err = link_get(p->nl, p->o->bridge, &p->bridge);

	if (err && err != -ENODEV)
		die("%s", p->nl->why);
	if (err) {
		p->bridge = (struct link){ 0 };
		return;
	}
	compare(p->nl, p->o, &p->bridge);
	have.index = p->bridge.index;
	if (p->o->naddresses)
		find_addresses(p->nl, &have);
	memcpy(p->there, have.there, sizeof(p->there));
}

static void
look_at_ports(struct plan *p, char *const *ports)
{
	size_t n = 0;

	while (ports[n])
		n++;
	p->ports = calloc(n + 1, sizeof(*p->ports));
	if (!p->ports)
		die_sys("ports");
	for (; *ports; ports++) {
		port_check(p->nl, *ports, p->o->bridge, p->bridge.index, p->o->force, &p->ports[p->nports]);
		if (!p->ports[p->nports].master)
			p->nports++;
	}
}

static void
look_at_tunnels(struct plan *p)
{
	p->tunnels = calloc(p->o->nvxlans + 1, sizeof(*p->tunnels));
	if (!p->tunnels)
		die_sys("tunnels");
	for (size_t i = 0; i < p->o->nvxlans; i++) {
		struct vxlan *v = &p->tunnels[p->ntunnels];

		*v = p->o->vxlans[i];
		if (vxlan_resolve(p->nl, v))
			die("-O vxlan=%u: %s", v->id, p->nl->why);
		if (!vxlan_exists(p->nl, v, p->bridge.index, p->o->bridge))
			p->ntunnels++;
	}
}

static void
plan_free(struct plan *p)
{
	free(p->ports);
	free(p->tunnels);
}

/* All the rest, each step with the one that takes it back; the end of a bridge that was made takes back most by itself. */
static void
add_steps(const struct plan *p, struct netlink_batch *b, struct ensured *e)
{
	struct netlink_batch *undo = &e->undo;
	const struct options *o = p->o;
	const struct link *br = &p->bridge;

	if (br->index && !(br->flags & IFF_UP))
		link_set_up(b, br, true);
	for (size_t i = 0; i < o->naddresses; i++) {
		if (p->there[i])
			continue;
		ifaddr_change(b, RTM_NEWADDR, br->index, o->bridge, &o->addresses[i]);
		ifaddr_change(undo, RTM_DELADDR, br->index, o->bridge, &o->addresses[i]);
	}
	for (size_t i = 0; i < p->nports; i++) {
		port_join(b, &p->ports[i], br->index, o->bridge);
		if (!e->made)
			port_leave(undo, &p->ports[i], o->bridge);
		else if (!(p->ports[i].flags & IFF_UP))
			link_set_up(undo, &p->ports[i], false);
	}
}

/* The tunnels, made just now, as ports. */
static void
plug_tunnels(struct plan *p, struct netlink_batch *b, struct netlink_batch *undo)
{
	char tag[TAG_MAX];

	barrier_tag(tag, p->o->bridge);
	for (size_t i = 0; i < p->ntunnels; i++) {
		struct link l;

		if (link_get(p->nl, p->tunnels[i].name, &l))
			continue; /* gone again already: joining it will fail, and say so */
		vxlan_settle(b, &p->tunnels[i], l.index, tag);
		port_join(b, &l, p->bridge.index, p->o->bridge);
		link_delete(undo, l.index, l.name);
	}
}

/* What the bare words of errno leave open. */
static const char *
hint(const struct plan *p, int err)
{
	if (err == -EPERM)
		return " (CAP_NET_ADMIN is needed)";
	if (err == -EOPNOTSUPP && !p->bridge.index)
		return settings_need_vlan(&p->o->settings) ? " (no VLAN filtering in this kernel)" : " (no bridges in this kernel)";
	return "";
}

static _Noreturn void
take_back(struct plan *p, struct ensured *e, const char *why, int err)
{
	error("%s%s", why, hint(p, err));
	netlink_commit(p->nl, &e->undo, NULL);
	exit(diag_exit);
}

/* This kernel may know a bridge without knowing all of its settings, and is silent about those it passes over. */
static void
check_settings(struct plan *p, struct ensured *e)
{
	char why[80], text[128];

	if (!p->o->settings.given || !attrs_differ(&bridge_settings, &p->o->settings, &p->bridge.settings, why, sizeof(why)))
		return;
	snprintf(text, sizeof(text), "%s: %s", p->o->bridge, why);
	take_back(p, e, text, 0);
}

static void
make_bridge(struct plan *p, struct ensured *e)
{
	struct netlink_batch b = { 0 };
	uint8_t mac[6];
	size_t refused;
	int err;

	choose_mac(p->nl, p->o, mac);
	new_bridge(&b, p->o->bridge, p->o->settings, mac, p->o->mtu);
	err = netlink_commit(p->nl, &b, &refused);
	if (err == -EEXIST) { /* ten guests may start at once */
		look_at_bridge(p);
		return;
	}
	if (!err)
		err = link_get(p->nl, p->o->bridge, &p->bridge);
	if (err) {
		if (refused) /* it was not: the answer is lost, and it is there */
			link_delete(&e->undo, 0, p->o->bridge);
		take_back(p, e, p->nl->why, err);
	}
	e->made = true;
	link_delete(&e->undo, p->bridge.index, p->o->bridge);
	check_settings(p, e);
}

static void
make_tunnels(struct plan *p, struct netlink_batch *b, struct ensured *e)
{
	char why[sizeof(p->nl->why)];
	int err;

	for (size_t i = 0; i < p->ntunnels; i++)
		vxlan_make(b, &p->tunnels[i]);
	err = netlink_commit(p->nl, b, NULL);
	memcpy(why, p->nl->why, sizeof(why));
	plug_tunnels(p, b, &e->undo);
	if (!err)
		return;
	netlink_discard(b);
	take_back(p, e, why, err);
}

static void
make_all(struct plan *p, struct ensured *e)
{
	struct netlink_batch b = { 0 };
	int err;

	if (!p->bridge.index)
		make_bridge(p, e);
	make_tunnels(p, &b, e);
	add_steps(p, &b, e);
	err = netlink_commit(p->nl, &b, NULL);
	if (err)
		take_back(p, e, p->nl->why, err);
}

static void
print_steps(struct plan *p)
{
	struct netlink_batch b = { 0 };
	struct ensured none = { 0 };
	uint8_t mac[6];

	if (!p->bridge.index) {
		choose_mac(p->nl, p->o, mac);
		new_bridge(&b, p->o->bridge, p->o->settings, mac, p->o->mtu);
	}
	for (size_t i = 0; i < p->ntunnels; i++)
		vxlan_make(&b, &p->tunnels[i]);
	add_steps(p, &b, &none);
	for (size_t i = 0; i < b.n; i++)
		puts(b.v[i].what);
	netlink_discard(&b);
	netlink_discard(&none.undo);
}

void
ensure(struct netlink *nl, const struct options *o, char *const *ports, struct ensured *e)
{
	struct plan p = { .nl = nl, .o = o };

	*e = (struct ensured){ 0 };
	look_at_bridge(&p);
	look_at_ports(&p, ports);
	look_at_tunnels(&p);
	if (o->check) {
		print_steps(&p);
	} else {
		make_all(&p, e);
		e->rules = barrier_check(o->bridge, o->force);
	}
	plan_free(&p);
}
