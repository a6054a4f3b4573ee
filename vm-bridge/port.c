/* SPDX-License-Identifier: ISC */
/* Ports; the contracts are in port.h. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/iface.h"
#include "vm-bridge/port.h"

static bool
is_wifi(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", name);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/wireless", name);
	return access(path, F_OK) == 0;
}

/* An access point takes frames from the addresses only that have signed on with it (IEEE 802.11, three address format). */
static void
refuse_wifi(const char *name)
{
	if (is_wifi(name))
		die("%s: is Wi-Fi, whose access point drops frames of other addresses than its own: use vm-nat (-f tries all the same)", name);
}

void
port_check(struct netlink *nl, const char *name, const char *bridge, int bridge_index, bool force, struct link *port)
{
	const char *why = iface_name_fault(name);
	struct link master;

	if (why)
		die_usage("%s: %s", name, why);
	if (link_get(nl, name, port))
		die("%s", nl->why);
	if (link_is_bridge(port))
		die("%s: is a bridge itself", name);
	if (!port->ethernet)
		die("%s: is no Ethernet interface", name);
	if (port->master && port->master != bridge_index) {
		if (link_get_index(nl, port->master, &master))
			die("%s: has another master than %s", name, bridge);
		die("%s: is in %s already, not in %s", name, master.name, bridge);
	}
	if (!force)
		refuse_wifi(name);
}

static void
change(struct netlink_batch *b, const struct link *port, int master, unsigned flags, unsigned mask, const char *bridge)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = port->index, .ifi_flags = flags, .ifi_change = mask };
	struct nl_msg *m = netlink_add(b, RTM_NEWLINK, 0, &head, sizeof(head), "%s: port %s", bridge, port->name);

	nla_put_u32(m, IFLA_MASTER, (uint32_t)master);
}

void
port_join(struct netlink_batch *b, const struct link *port, int bridge_index, const char *bridge)
{
	change(b, port, bridge_index, IFF_UP, IFF_UP, bridge);
}

void
port_leave(struct netlink_batch *b, const struct link *before, const char *bridge)
{
	change(b, before, 0, 0, before->flags & IFF_UP ? 0 : IFF_UP, bridge);
}
