/* SPDX-License-Identifier: ISC */
/* A new tap's address, MTU, bridge and state, in one system call; the contract is in link.h. */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/random.h>

#include "common/diag.h"
#include "vm-tap/settle.h"

static struct nl_msg *
set_link(struct netlink_batch *b, const struct tap *t, const char *what)
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = t->index};

	return netlink_add(b, RTM_SETLINK, 0, &head, sizeof(head), "%s: %s", t->name, what);
}

/*
 * A bridge takes the lowest address of its ports for its own, and changes with them: FE in front keeps taps out of that. The
 * rest is the guest's, so that one can be told from the other, or chance.
 */
static void
port_mac(const struct want *w, uint8_t mac[6])
{
	memcpy(mac, w->mac, 6);
	if (!w->has_mac && getrandom(mac, 6, 0) != 6)
		die_sys("getrandom");
	mac[0] = 0xfe;
}

/*
 * A port needs no address of its own, whose duplicate detection and group reports the guest would see. A batch of its own,
 * whose failure is no matter: a kernel without IPv6 has nothing to be told.
 */
static void
keep_silent(struct netlink *nl, const struct tap *t)
{
	struct netlink_batch b = {0};
	struct nl_msg *m = set_link(&b, t, "IPv6");
	struct nlattr *families = nla_nest_start(m, IFLA_AF_SPEC), *inet6 = nla_nest_start(m, AF_INET6);

	nla_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(m, inet6);
	nla_nest_end(m, families);
	netlink_commit(nl, &b, NULL);
}

/* The MTU before the master: a bridge follows the smallest of its ports. The settings of the port before frames pass. */
int
settle(struct netlink *nl, const struct want *w, const struct tap *t, const struct link *bridge)
{
	struct ifinfomsg up = {.ifi_family = AF_UNSPEC, .ifi_index = t->index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct ifinfomsg port = {.ifi_family = AF_BRIDGE, .ifi_index = t->index};
	struct netlink_batch b = {0};
	struct nlattr *nest;
	struct nl_msg *m;
	uint8_t mac[6];

	if (bridge)
		keep_silent(nl, t);
	port_mac(w, mac);
	m = set_link(&b, t, "address, MTU");
	nla_put(m, IFLA_ADDRESS, 6, mac);
	nla_put_u32(m, IFLA_MTU, t->mtu);
	if (bridge)
		nla_put_u32(set_link(&b, t, bridge->name), IFLA_MASTER, (uint32_t)bridge->index);
	if (w->port.given) {
		m = netlink_add(&b, RTM_SETLINK, 0, &port, sizeof(port), "%s: port", t->name);
		nest = nla_nest_start(m, IFLA_PROTINFO | NLA_F_NESTED);
		attrs_put(&port_settings, &w->port, m);
		nla_nest_end(m, nest);
	}
	netlink_add(&b, RTM_SETLINK, 0, &up, sizeof(up), "%s: up", t->name);
	return netlink_commit(nl, &b, NULL);
}
