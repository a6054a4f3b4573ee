/* SPDX-License-Identifier: ISC */
/* Interfaces; the contracts are in link.h, the wire in rtnetlink(7). */
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/link.h"

bool
link_is_bridge(const struct link *l)
{
	return !strcmp(l->kind, "bridge");
}

bool
link_is_tap(const struct link *l)
{
	return !strcmp(l->kind, "tun") && l->tun.tap;
}

bool
link_is_macvtap(const struct link *l)
{
	return !strcmp(l->kind, "macvtap");
}

static bool
flag(const struct nlattr *a)
{
	return a && nla_get_u8(a);
}

static int
number(const struct nlattr *a)
{
	return a ? (int)nla_get_u32(a) : 0;
}

static int64_t
id(const struct nlattr *a)
{
	return a ? (int64_t)nla_get_u32(a) : -1;
}

static void
read_tun(struct link_tun *t, struct nlattr *data)
{
	struct nlattr *a[IFLA_TUN_MAX + 1];

	if (nla_parse_nested(a, IFLA_TUN_MAX, data, NULL) < 0)
		return;
	*t = (struct link_tun){
	    .tap = a[IFLA_TUN_TYPE] && nla_get_u8(a[IFLA_TUN_TYPE]) == IFF_TAP,
	    .info = flag(a[IFLA_TUN_PI]),
	    .header = flag(a[IFLA_TUN_VNET_HDR]),
	    .many = flag(a[IFLA_TUN_MULTI_QUEUE]),
	    .persistent = flag(a[IFLA_TUN_PERSIST]),
	    .owner = id(a[IFLA_TUN_OWNER]),
	    .group = id(a[IFLA_TUN_GROUP]),
	};
}

static void
read_data(struct link *l, struct nlattr *data)
{
	if (link_is_bridge(l))
		attrs_read(&bridge_settings, &l->settings, data);
	else if (link_is_macvtap(l))
		l->mode = (uint32_t)number(nla_find(nla_data(data), nla_len(data), IFLA_MACVLAN_MODE));
	else if (!strcmp(l->kind, "tun"))
		read_tun(&l->tun, data);
}

static void
read_info(struct link *l, struct nlattr *info)
{
	struct nlattr *a[IFLA_INFO_MAX + 1], *port, *state;

	if (nla_parse_nested(a, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	if (a[IFLA_INFO_KIND])
		nla_strlcpy(l->kind, a[IFLA_INFO_KIND], sizeof(l->kind));
	if (a[IFLA_INFO_DATA])
		read_data(l, a[IFLA_INFO_DATA]);
	port = a[IFLA_INFO_SLAVE_DATA];
	if (!port || !a[IFLA_INFO_SLAVE_KIND] || nla_strcmp(a[IFLA_INFO_SLAVE_KIND], "bridge"))
		return;
	state = nla_find(nla_data(port), nla_len(port), IFLA_BRPORT_STATE);
	l->state = state ? nla_get_u8(state) : 0;
	attrs_read(&port_settings, &l->port, port);
}

static int
read_link(struct nlmsghdr *h, struct link *l)
{
	struct ifinfomsg *info = nlmsg_data(h);
	struct nlattr *a[IFLA_MAX + 1];

	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_parse(h, sizeof(*info), a, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	*l = (struct link){
	    .index = info->ifi_index,
	    .master = number(a[IFLA_MASTER]),
	    .lower = a[IFLA_LINK_NETNSID] ? 0 : number(a[IFLA_LINK]),
	    .flags = info->ifi_flags,
	    .mtu = (unsigned)number(a[IFLA_MTU]),
	    .oper = a[IFLA_OPERSTATE] ? nla_get_u8(a[IFLA_OPERSTATE]) : 0,
	    .ethernet = info->ifi_type == ARPHRD_ETHER,
	    .carrier = flag(a[IFLA_CARRIER]),
	};
	if (a[IFLA_IFNAME])
		nla_strlcpy(l->name, a[IFLA_IFNAME], sizeof(l->name));
	if (a[IFLA_IFALIAS])
		nla_strlcpy(l->alias, a[IFLA_IFALIAS], sizeof(l->alias));
	if (a[IFLA_ADDRESS] && nla_len(a[IFLA_ADDRESS]) == 6)
		memcpy(l->mac, nla_data(a[IFLA_ADDRESS]), 6);
	if (a[IFLA_LINKINFO])
		read_info(l, a[IFLA_LINKINFO]);
	return 0;
}

static int
take_one(struct nlmsghdr *h, void *arg)
{
	return read_link(h, arg);
}

static int
take_more(struct nlmsghdr *h, void *arg)
{
	struct links *ls = arg;

	ls->v = reallocarray(ls->v, ls->n + 1, sizeof(*ls->v));
	if (!ls->v)
		die_sys("interfaces");
	return read_link(h, &ls->v[ls->n++]);
}

/* By name or, that being NULL, by index. */
static int
get(struct netlink *nl, const char *name, int index, struct link *l)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct netlink_batch b = { 0 };
	struct nl_msg *m = netlink_add(&b, RTM_GETLINK, 0, &head, sizeof(head), "%s", name ? name : "interface");

	if (name)
		nla_put_string(m, IFLA_IFNAME, name);
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_ask_batch(nl, &b, take_one, l);
}

int
link_get(struct netlink *nl, const char *name, struct link *l)
{
	return get(nl, name, 0, l);
}

int
link_get_index(struct netlink *nl, int index, struct link *l)
{
	return get(nl, NULL, index, l);
}

void
link_get_bridge(struct netlink *nl, const char *name, struct link *l)
{
	if (link_get(nl, name, l))
		die("%s", nl->why);
	if (!link_is_bridge(l))
		die("%s: is no bridge", name);
}

void
link_set_up(struct netlink_batch *b, const struct link *l, bool up)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = l->index, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };

	netlink_add(b, RTM_NEWLINK, 0, &head, sizeof(head), "%s: %s", l->name, up ? "up" : "down");
}

void
link_delete(struct netlink_batch *b, int index, const char *name)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *m = netlink_add(b, RTM_DELLINK, 0, &head, sizeof(head), "%s", name);

	if (!index)
		nla_put_string(m, IFLA_IFNAME, name);
}

void
links_load(struct netlink *nl, struct links *ls)
{
	struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	struct netlink_batch b = { 0 };
	int err;

	do {
		links_free(ls);
		nla_put_u32(netlink_add(&b, RTM_GETLINK, NLM_F_DUMP, &any, sizeof(any), "interfaces"), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		err = netlink_ask_batch(nl, &b, take_more, ls);
	} while (err == -EAGAIN);
	if (err)
		die("%s", nl->why);
}

const struct link *
links_by_index(const struct links *ls, int index)
{
	for (size_t i = 0; i < ls->n; i++)
		if (ls->v[i].index == index)
			return &ls->v[i];
	return NULL;
}

void
links_free(struct links *ls)
{
	free(ls->v);
	*ls = (struct links){ 0 };
}
