/* SPDX-License-Identifier: ISC */
/* The guests' network; the contracts are in network.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/link.h"
#include "vm-nat/network.h"

struct search {
	struct network *n;
	unsigned ifindex;
};

static bool
wanted(const struct network *n, int family)
{
	return (family == AF_INET && !n->no4) || (family == AF_INET6 && !n->no6);
}

bool
network_add(struct network *n, struct prefix p)
{
	char text[PREFIX_TEXT_MAX];

	p = prefix_network(p);
	for (size_t i = 0; i < n->nnets; i++)
		if (prefix_has(&n->nets[i], &p))
			return true;
	if (n->nnets == NETS_MAX)
		return false;
	prefix_format(&p, text);
	snprintf(n->names[n->nnets], sizeof(n->names[0]), OUT_COMMENT "%s", text);
	n->nets[n->nnets++] = p;
	return true;
}

/* One address of some interface. A single one makes no network, and what is of a link alone (fe80::) leaves it by no router. */
static int
take_address(struct nlmsghdr *h, void *arg)
{
	struct search *s = arg;
	struct ifaddrmsg *a = nlmsg_data(h);
	struct prefix p = { .family = a->ifa_family, .len = a->ifa_prefixlen };
	struct nlattr *attr = nlmsg_find_attr(h, sizeof(*a), IFA_ADDRESS);

	if (h->nlmsg_type != RTM_NEWADDR || a->ifa_index != s->ifindex || a->ifa_scope >= RT_SCOPE_LINK ||
	    !wanted(s->n, p.family) || !attr || (unsigned)nla_len(attr) != prefix_bits(&p) / 8 || p.len == prefix_bits(&p))
		return 0;
	memcpy(p.addr, nla_data(attr), (size_t)nla_len(attr));
	if (!network_add(s->n, p))
		die("%s: more than %d networks", s->n->bridge, NETS_MAX);
	return 0;
}

static unsigned
index_of(struct netlink *route, const char *option, const char *name)
{
	struct link l;
	int err = link_get(route, name, &l);

	if (err)
		die("%s%s: %s", option, name, err == -ENODEV ? "no such interface" : strerror(-err));
	return (unsigned)l.index;
}

void
network_resolve(struct network *n, struct netlink *route)
{
	struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct search s = { .n = n };

	if (n->via)
		index_of(route, "-V ", n->via);
	if (!n->bridge)
		return;
	s.ifindex = index_of(route, "", n->bridge);
	if (n->nnets)
		return;
	head.ifa_index = s.ifindex;
	if (netlink_ask(route, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head), take_address, &s))
		die("%s: %s", n->bridge, route->why);
	if (!n->nnets)
		die("%s: it has no address: give the guests' network (-a)", n->bridge);
}

bool
network_has(const struct network *n, int family)
{
	for (size_t i = 0; i < n->nnets; i++)
		if (n->nets[i].family == family)
			return true;
	return false;
}

bool
network_forwards(const struct network *n, int family)
{
	for (size_t i = 0; i < n->nforwards; i++)
		if (n->forwards[i].host.sa.sa_family == family)
			return true;
	return false;
}

static bool
is_loopback(const union address *a)
{
	return a->sa.sa_family == AF_INET && ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool
network_forwards_loopback(const struct network *n)
{
	for (size_t i = 0; i < n->nforwards; i++) {
		const union address *host = &n->forwards[i].host;

		if (is_loopback(host) || (host->sa.sa_family == AF_INET && address_is_any(host)))
			return true;
	}
	return false;
}

static bool
is_guest(const struct network *n, const union address *a)
{
	struct prefix p = prefix_of(a);

	for (size_t i = 0; i < n->nnets; i++)
		if (prefix_has(&n->nets[i], &p))
			return true;
	return false;
}

void
network_check(const struct network *n)
{
	if ((n->from4.family && !network_has(n, AF_INET)) || (n->from6.family && !network_has(n, AF_INET6)))
		die_usage("-o: an address of a family that the guests' network has not");
	for (size_t i = 0; i < n->nforwards; i++) {
		if (!is_guest(n, &n->forwards[i].guest))
			die_usage("-p %s: the guest is not in the guests' network", n->words[i]);
		if (is_loopback(&n->forwards[i].host) && !n->bridge)
			die_usage("-p %s: from the loopback only to guests behind an interface (-b)", n->words[i]);
		for (size_t j = 0; j < i; j++)
			if (forward_overlaps(&n->forwards[j], &n->forwards[i]))
				die_usage("-p %s: forwarded already by -p %s", n->words[i], n->words[j]);
	}
}
