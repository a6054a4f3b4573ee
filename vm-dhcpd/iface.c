/* SPDX-License-Identifier: ISC */
/* What the kernel knows of an interface, by rtnetlink(7). */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <string.h>

#include "common/iface.h"
#include "common/netlink.h"
#include "vm-dhcpd/iface.h"

static int
take_link(struct nlmsghdr *h, void *arg)
{
	struct iface *f = arg;
	const struct ifinfomsg *link = nlmsg_data(h);
	struct nlattr *a[IFLA_MAX + 1];

	if (nlmsg_parse(h, sizeof(*link), a, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	if (link->ifi_type != ARPHRD_ETHER || !a[IFLA_ADDRESS] || nla_len(a[IFLA_ADDRESS]) != 6 || !a[IFLA_MTU])
		return -ENOTSUP;
	f->index = (unsigned)link->ifi_index;
	f->up = link->ifi_flags & IFF_UP;
	f->mtu = nla_get_u32(a[IFLA_MTU]);
	memcpy(f->mac, nla_data(a[IFLA_ADDRESS]), 6);
	return 0;
}

/* The place of an address among those that are known, or behind them. */
static unsigned
find(const struct iface_address *v, unsigned n, const void *address, size_t len)
{
	unsigned i = 0;

	while (i < n && memcmp(&v[i], address, len))
		i++;
	return i;
}

/* IFA_LOCAL is the interface's own address where IFA_ADDRESS is the peer's; IPv6 has the latter alone. */
static int
take_address(struct nlmsghdr *h, void *arg)
{
	struct iface *f = arg;
	const struct ifaddrmsg *head = nlmsg_data(h);
	struct nlattr *a[IFA_MAX + 1], *own;
	bool v4 = head->ifa_family == AF_INET;
	unsigned *n = v4 ? &f->nin : &f->nin6, i;
	struct iface_address *v = v4 ? f->in : f->in6;

	if (head->ifa_index != f->index || (!v4 && head->ifa_family != AF_INET6))
		return 0;
	if (nlmsg_parse(h, sizeof(*head), a, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	own = a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS];
	if (!own || nla_len(own) != (v4 ? 4 : 16))
		return 0;
	i = find(v, *n, nla_data(own), (size_t)nla_len(own));
	if (h->nlmsg_type == RTM_DELADDR) {
		if (i < *n)
			v[i] = v[--*n];
		return 0;
	}
	if (i == IFACE_ADDRESSES_MAX)
		return 0;
	*n += i == *n;
	memcpy(&v[i], nla_data(own), (size_t)nla_len(own));
	v[i].prefix_len = head->ifa_prefixlen;
	v[i].flags = a[IFA_FLAGS] ? nla_get_u32(a[IFA_FLAGS]) : head->ifa_flags;
	return 0;
}

void
iface_news(struct iface *f, struct nlmsghdr *h)
{
	const struct ifinfomsg *link = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR)
		take_address(h, f);
	else if (h->nlmsg_type == RTM_NEWLINK && link->ifi_index == (int)f->index)
		take_link(h, f);
}

const char *
iface_read(struct iface *f, const char *name)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
	struct netlink_batch b = {0};
	struct netlink nl;
	struct nl_msg *m;
	int err;

	*f = (struct iface){0};
	if (iface_name_fault(name))
		return iface_name_fault(name);
	strcpy(f->name, name);
	err = netlink_open(&nl, NETLINK_ROUTE);
	if (err)
		return strerror(-err);
	m = netlink_add(&b, RTM_GETLINK, 0, &link, sizeof(link), "%s", name);
	nla_put_string(m, IFLA_IFNAME, name);
	err = netlink_ask_batch(&nl, &b, take_link, f);
	if (!err)
		err = netlink_ask(&nl, RTM_GETADDR, NLM_F_DUMP, &all, sizeof(all), take_address, f);
	netlink_close(&nl);
	return err == -ENOTSUP ? "not an Ethernet interface" : err ? strerror(-err) : NULL;
}
