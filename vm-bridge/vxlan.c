/* SPDX-License-Identifier: ISC */
/* VXLAN tunnels; the contracts are in vxlan.h. */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/iface.h"
#include "common/link.h"
#include "common/num.h"
#include "vm-bridge/ifaddr.h"
#include "vm-bridge/vxlan.h"

#define PORT 4789 /* RFC 7348, 8 */
/* What it adds around a frame's content: Ethernet, VXLAN and UDP headers, and one of IPv4 or IPv6 (RFC 7348, 5). */
#define ENVELOPE4 (14 + 8 + 8 + 20)
#define ENVELOPE6 (14 + 8 + 8 + 40)
#define MTU_WITHOUT_ROUTE 1500
#define MTU_MIN 68

static bool
parse_host(struct prefix *a, const char *word)
{
	return prefix_parse(a, word) && !strchr(word, '/');
}

static bool
is_group(const struct prefix *a)
{
	return a->family == AF_INET ? a->addr[0] >> 4 == 0xe : a->addr[0] == 0xff;
}

static const char *
take_key(struct vxlan *v, const char *key, const char *value)
{
	uint64_t n;

	if (!strcmp(key, "remote")) {
		if (v->nremotes == VXLAN_REMOTES_MAX)
			return "too many remote hosts";
		if (!parse_host(&v->remotes[v->nremotes++], value))
			return "remote: not an address";
	} else if (!strcmp(key, "local")) {
		if (!parse_host(&v->local, value))
			return "local: not an address";
	} else if (!strcmp(key, "dev")) {
		if (iface_name_fault(value))
			return "dev: no name for an interface";
		snprintf(v->dev, sizeof(v->dev), "%s", value);
	} else if (!strcmp(key, "port")) {
		if (!num_parse(value, 1, UINT16_MAX, &n))
			return "port: not a number from 1 to 65535";
		v->port = (uint16_t)n;
	} else {
		return "it has only remote, local, dev and port";
	}
	return NULL;
}

static const char *
check(const struct vxlan *v)
{
	if (!v->nremotes)
		return "no remote host (as in 42,remote=192.0.2.2)";
	for (size_t i = 0; i < v->nremotes; i++) {
		if (v->remotes[i].family != v->remotes[0].family || (v->local.family && v->local.family != v->remotes[i].family))
			return "IPv4 and IPv6 are mixed";
		if (is_group(&v->remotes[i]) && v->nremotes > 1)
			return "a multicast group stands alone";
		if (is_group(&v->remotes[i]) && !*v->dev)
			return "a multicast group needs dev=NIC";
	}
	return NULL;
}

const char *
vxlan_parse(struct vxlan *v, const char *word)
{
	char buf[1024], *rest = buf, *part;
	uint64_t id;

	*v = (struct vxlan){ .port = PORT };
	if (strlen(word) >= sizeof(buf))
		return "too long";
	strcpy(buf, word);
	part = strsep(&rest, ",");
	if (!num_parse(part, 1, 0xffffff, &id))
		return "it begins with a number from 1 to 16777215";
	v->id = (uint32_t)id;
	snprintf(v->name, sizeof(v->name), "vxlan%u", v->id);
	while ((part = strsep(&rest, ","))) {
		char *value = strchr(part, '=');
		const char *why;

		if (!value)
			return "not KEY=VALUE after the number";
		*value++ = '\0';
		why = take_key(v, part, value);
		if (why)
			return why;
	}
	return check(v);
}

static void
put_address(struct nl_msg *m, int attr4, int attr6, const struct prefix *a)
{
	nla_put(m, a->family == AF_INET ? attr4 : attr6, (int)ifaddr_size(a->family), a->addr);
}

void
vxlan_make(struct netlink_batch *b, const struct vxlan *v)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = netlink_add(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head), "%s: a new tunnel", v->name);
	struct nlattr *info, *data;

	nla_put_string(m, IFLA_IFNAME, v->name);
	nla_put_u32(m, IFLA_MTU, v->mtu);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "vxlan");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	nla_put_u32(m, IFLA_VXLAN_ID, v->id);
	put_address(m, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, &v->remotes[0]);
	if (v->local.family)
		put_address(m, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, &v->local);
	if (*v->dev)
		nla_put_u32(m, IFLA_VXLAN_LINK, (uint32_t)v->link);
	nla_put_u16(m, IFLA_VXLAN_PORT, htons(v->port));
	nla_nest_end(m, data);
	nla_nest_end(m, info);
}

/* An entry of the forwarding database for the zero address is a default destination; there may be many. */
void
vxlan_settle(struct netlink_batch *b, const struct vxlan *v, int index, const char *alias)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	static const uint8_t all[6];

	nla_put_string(netlink_add(b, RTM_NEWLINK, 0, &link, sizeof(link), "%s: alias", v->name), IFLA_IFALIAS, alias);
	for (size_t i = 1; i < v->nremotes; i++) {
		struct ndmsg head = { .ndm_family = AF_BRIDGE, .ndm_ifindex = index, .ndm_state = NUD_NOARP | NUD_PERMANENT, .ndm_flags = NTF_SELF };
		struct nl_msg *m = netlink_add(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, &head, sizeof(head), "%s: another remote host", v->name);

		nla_put(m, NDA_LLADDR, sizeof(all), all);
		nla_put(m, NDA_DST, (int)ifaddr_size(v->remotes[i].family), v->remotes[i].addr);
	}
}

static int
take_route(struct nlmsghdr *h, void *arg)
{
	struct nlattr *oif = nlmsg_find_attr(h, sizeof(struct rtmsg), RTA_OIF);

	*(int *)arg = oif ? (int)nla_get_u32(oif) : 0;
	return 0;
}

int
vxlan_resolve(struct netlink *nl, struct vxlan *v)
{
	const struct prefix *to = &v->remotes[0];
	struct rtmsg head = { .rtm_family = (uint8_t)to->family, .rtm_dst_len = (uint8_t)prefix_bits(to) };
	unsigned envelope = to->family == AF_INET ? ENVELOPE4 : ENVELOPE6;
	struct netlink_batch b = { 0 };
	struct link way = { .mtu = MTU_WITHOUT_ROUTE };
	int index, err;

	if (*v->dev) {
		err = link_get(nl, v->dev, &way);
		if (err)
			return err;
		v->link = way.index;
	} else {
		nla_put(netlink_add(&b, RTM_GETROUTE, 0, &head, sizeof(head), "%s", v->name), RTA_DST, (int)ifaddr_size(to->family), to->addr);
		if (!netlink_ask_batch(nl, &b, take_route, &index))
			link_get_index(nl, index, &way);
	}
	v->mtu = way.mtu > envelope + MTU_MIN ? way.mtu - envelope : MTU_MIN;
	return 0;
}

/* What a tunnel that exists says of itself. */
static int
take_tunnel(struct nlmsghdr *h, void *arg)
{
	struct nlattr *link[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *data[IFLA_VXLAN_MAX + 1], *a;
	struct vxlan *v = arg;

	if (nlmsg_parse(h, sizeof(struct ifinfomsg), link, IFLA_MAX, NULL) < 0 || !link[IFLA_LINKINFO] ||
		nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], NULL) < 0 || !info[IFLA_INFO_DATA] ||
		nla_parse_nested(data, IFLA_VXLAN_MAX, info[IFLA_INFO_DATA], NULL) < 0)
		return 0;
	v->id = data[IFLA_VXLAN_ID] ? nla_get_u32(data[IFLA_VXLAN_ID]) : 0;
	v->port = data[IFLA_VXLAN_PORT] ? ntohs(nla_get_u16(data[IFLA_VXLAN_PORT])) : 0;
	a = data[IFLA_VXLAN_GROUP] ? data[IFLA_VXLAN_GROUP] : data[IFLA_VXLAN_GROUP6];
	if (a)
		memcpy(v->remotes[0].addr, nla_data(a), (size_t)nla_len(a) <= 16 ? (size_t)nla_len(a) : 0);
	return 0;
}

bool
vxlan_exists(struct netlink *nl, const struct vxlan *v, int bridge_index, const char *bridge)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct netlink_batch b = { 0 };
	struct vxlan is = { 0 };
	struct link l;

	if (link_get(nl, v->name, &l))
		return false;
	if (strcmp(l.kind, "vxlan") || !bridge_index || l.master != bridge_index)
		die("%s: is there, and no tunnel of %s", v->name, bridge);
	nla_put_string(netlink_add(&b, RTM_GETLINK, 0, &head, sizeof(head), "%s", v->name), IFLA_IFNAME, v->name);
	if (netlink_ask_batch(nl, &b, take_tunnel, &is))
		die("%s", nl->why);
	if (is.id != v->id || is.port != v->port || memcmp(is.remotes[0].addr, v->remotes[0].addr, 16))
		die("%s: is there, with another number, port or remote host", v->name);
	return true;
}
