/* SPDX-License-Identifier: ISC */
/* Addresses of interfaces; the contracts are in ifaddr.h. */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "vm-bridge/ifaddr.h"

size_t
ifaddr_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* The broadcast address of an IPv4 network, in network order. */
static uint32_t
broadcast(const struct prefix *a)
{
	uint32_t host = a->len < 32 ? htonl(UINT32_MAX >> a->len) : 0, own;

	memcpy(&own, a->addr, sizeof(own));
	return own | host;
}

static const char *
refuse(const struct prefix *a)
{
	struct prefix net = prefix_network(*a);
	static const uint8_t none[16];
	uint32_t all = broadcast(a);

	if (!memcmp(a->addr, none, sizeof(none)))
		return "no address of a host's";
	if (a->family == AF_INET ? a->addr[0] >= 224 : a->addr[0] == 0xff)
		return "a multicast or reserved address, not a host's";
	/* Two hosts on a cable use both addresses of a /31 (RFC 3021). */
	if (a->family == AF_INET && a->len <= 30 && (!memcmp(net.addr, a->addr, 4) || !memcmp(&all, a->addr, 4)))
		return "the network's own or its broadcast address, not a host's";
	return NULL;
}

const char *
ifaddr_parse(struct prefix *a, const char *word)
{
	if (!prefix_parse(a, word))
		return "not ADDRESS/LENGTH, as in 192.168.122.1/24";
	if (!strchr(word, '/'))
		return "no prefix length, as in 192.168.122.1/24";
	if (!a->len)
		return "a prefix length of 0 makes every host a neighbour";
	return refuse(a);
}

bool
ifaddr_read(struct nlmsghdr *h, int index, struct prefix *a)
{
	struct ifaddrmsg *head = nlmsg_data(h);
	struct nlattr *attrs[IFA_MAX + 1], *own;

	if (h->nlmsg_type != RTM_NEWADDR || (int)head->ifa_index != index || nlmsg_parse(h, sizeof(*head), attrs, IFA_MAX, NULL) < 0)
		return false;
	own = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS]; /* IFA_ADDRESS is the peer's where there is one */
	if (!own || (head->ifa_family != AF_INET && head->ifa_family != AF_INET6) || nla_len(own) != (int)ifaddr_size(head->ifa_family))
		return false;
	*a = (struct prefix){ .family = head->ifa_family, .len = head->ifa_prefixlen };
	memcpy(a->addr, nla_data(own), (size_t)nla_len(own));
	return true;
}

void
ifaddr_change(struct netlink_batch *b, int type, int index, const char *name, const struct prefix *a)
{
	struct ifaddrmsg head = { .ifa_family = (uint8_t)a->family, .ifa_prefixlen = (uint8_t)a->len, .ifa_index = (unsigned)index };
	bool add = type == RTM_NEWADDR;
	char text[PREFIX_TEXT_MAX];
	struct nl_msg *m;

	prefix_format(a, text);
	m = netlink_add(b, type, add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &head, sizeof(head), "%s: address %s", name, text);
	nla_put(m, IFA_LOCAL, (int)ifaddr_size(a->family), a->addr);
	nla_put(m, IFA_ADDRESS, (int)ifaddr_size(a->family), a->addr);
	if (add && a->family == AF_INET && a->len <= 30)
		nla_put_u32(m, IFA_BROADCAST, broadcast(a));
	/* A bridge's address is its network's gateway's, which nobody else has; while it is being probed it cannot be bound. */
	if (add && a->family == AF_INET6)
		nla_put_u32(m, IFA_FLAGS, IFA_F_NODAD);
}
