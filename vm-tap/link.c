/* SPDX-License-Identifier: ISC */
/* Interfaces; the contracts are in link.h, the wire in rtnetlink(7). */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-tap/link.h"
#include "vm-tap/port.h"

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

static int64_t
id(const struct nlattr *a)
{
	return a ? (int64_t)nla_get_u32(a) : -1;
}

static void
read_tun(struct link *l, struct nlattr *data)
{
	struct nlattr *a[IFLA_TUN_MAX + 1];

	if (nla_parse_nested(a, IFLA_TUN_MAX, data, NULL) < 0)
		return;
	l->tun.tap = a[IFLA_TUN_TYPE] && nla_get_u8(a[IFLA_TUN_TYPE]) == IFF_TAP;
	l->tun.info = flag(a[IFLA_TUN_PI]);
	l->tun.header = flag(a[IFLA_TUN_VNET_HDR]);
	l->tun.many = flag(a[IFLA_TUN_MULTI_QUEUE]);
	l->tun.persistent = flag(a[IFLA_TUN_PERSIST]);
	l->tun.owner = id(a[IFLA_TUN_OWNER]);
	l->tun.group = id(a[IFLA_TUN_GROUP]);
}

static void
read_info(struct link *l, struct nlattr *info)
{
	struct nlattr *a[IFLA_INFO_MAX + 1], *mode;

	if (nla_parse_nested(a, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	if (a[IFLA_INFO_KIND])
		nla_strlcpy(l->kind, a[IFLA_INFO_KIND], sizeof(l->kind));
	if (a[IFLA_INFO_DATA] && !strcmp(l->kind, "tun"))
		read_tun(l, a[IFLA_INFO_DATA]);
	if (a[IFLA_INFO_DATA] && link_is_macvtap(l)) {
		mode = nla_find(nla_data(a[IFLA_INFO_DATA]), nla_len(a[IFLA_INFO_DATA]), IFLA_MACVLAN_MODE);
		l->mode = mode ? nla_get_u32(mode) : 0;
	}
	if (a[IFLA_INFO_SLAVE_KIND] && a[IFLA_INFO_SLAVE_DATA] && !nla_strcmp(a[IFLA_INFO_SLAVE_KIND], "bridge"))
		attrs_read(&port_settings, &l->port, a[IFLA_INFO_SLAVE_DATA]);
}

static int
number(const struct nlattr *a)
{
	return a ? (int)nla_get_u32(a) : 0;
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
	    .held = flag(a[IFLA_CARRIER]),
	};
	if (a[IFLA_IFNAME])
		nla_strlcpy(l->name, a[IFLA_IFNAME], sizeof(l->name));
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

int
link_get(struct netlink *nl, const char *name, struct link *l)
{
	struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	struct netlink_batch b = {0};
	struct nl_msg *m = netlink_add(&b, RTM_GETLINK, 0, &any, sizeof(any), "%s", name);

	nla_put_string(m, IFLA_IFNAME, name);
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_ask_batch(nl, &b, take_one, l);
}

struct links {
	struct link *v;
	size_t n;
};

static int
take_more(struct nlmsghdr *h, void *arg)
{
	struct links *ls = arg;

	ls->v = reallocarray(ls->v, ls->n + 1, sizeof(*ls->v));
	if (!ls->v)
		die_sys("interfaces");
	return read_link(h, &ls->v[ls->n++]);
}

/* All are there before the first is told of: what changes meanwhile makes the kernel begin anew. */
void
link_each(struct netlink *nl, void (*fn)(const struct link *l, void *arg), void *arg)
{
	struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
	struct netlink_batch b = {0};
	struct links ls = {0};
	int err;

	do {
		ls.n = 0;
		nla_put_u32(netlink_add(&b, RTM_GETLINK, NLM_F_DUMP, &any, sizeof(any), "interfaces"), IFLA_EXT_MASK,
		    RTEXT_FILTER_SKIP_STATS);
		err = netlink_ask_batch(nl, &b, take_more, &ls);
	} while (err == -EAGAIN);
	if (err)
		die("%s", nl->why);
	for (size_t i = 0; i < ls.n; i++)
		fn(&ls.v[i], arg);
	free(ls.v);
}

void
link_bridge(struct netlink *nl, const char *name, struct link *l)
{
	int err = link_get(nl, name, l);

	if (err == -ENODEV)
		die("%s: no such bridge", name);
	if (err)
		die("%s", nl->why);
	if (strcmp(l->kind, "bridge"))
		die("%s: not a bridge", name);
}

int
link_delete(struct netlink *nl, const struct link *l)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = l->index};
	struct netlink_batch b = {0};

	netlink_add(&b, RTM_DELLINK, 0, &head, sizeof(head), "%s", l->name);
	return netlink_commit(nl, &b, NULL);
}
