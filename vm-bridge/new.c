/* SPDX-License-Identifier: ISC */
/* New bridges; the contracts are in new.h. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "vm-bridge/new.h"

static void
set_defaults(struct attrs *s)
{
	attrs_default(&bridge_settings, s, "stp", 0);
	if (!attrs_value(&bridge_settings, s, "stp"))
		attrs_default(&bridge_settings, s, "forward-delay", 0);
}

void
new_bridge(struct netlink_batch *b, const char *name, struct attrs settings, const uint8_t mac[6], unsigned mtu)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *m = netlink_add(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head), "%s: a new bridge", name);
	struct nlattr *info, *data;

	set_defaults(&settings);
	nla_put_string(m, IFLA_IFNAME, name);
	nla_put(m, IFLA_ADDRESS, 6, mac);
	if (mtu)
		nla_put_u32(m, IFLA_MTU, mtu);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	attrs_put(&bridge_settings, &settings, m);
	nla_nest_end(m, data);
	nla_nest_end(m, info);
}
