/* SPDX-License-Identifier: ISC */
/* Moving addresses, routes and neighbours; the contracts are in move.h, the messages in rtnetlink(7). */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-bridge/move.h"

/* What is written down, in the order in which it has to be done. */
enum stage {
	ADDRESSES,
	NEIGHBOURS,
	CONNECTED,   /* of the addresses' networks: the kernel makes them, but for those who tell it not to and make their own */
	LINK_ROUTES, /* to neighbours, without which there are no gateways */
	NEXTHOPS,
	ROUTES,
	STAGES,
};

struct work {
	const struct link *from, *to;
	struct netlink_batch add[STAGES], remove[STAGES], undo; /* undo: that which is not the opposite of add */
};

/* A message that was dumped, its header and attributes copied, but for those that `skip` names and their replacements. */
static void
copy_attrs(struct nl_msg *m, struct nlmsghdr *h, size_t head, const int *skip)
{
	struct nlattr *a;
	int left;

	nlmsg_for_each_attr(a, h, (int)head, left) {
		const int *s = skip;

		while (*s && *s != nla_type(a))
			s++;
		if (!*s)
			nla_put(m, nla_type(a), nla_len(a), nla_data(a));
	}
}

/* "eth0:1" is "br0:1" then; a label that does not begin with the interface's name is of no use on another. */
static void
put_label(struct nl_msg *m, const struct work *w, struct nlattr *label)
{
	const char *old = label ? nla_get_string(label) : "";
	size_t len = strlen(w->from->name);
	char text[2 * IFNAMSIZ];

	if (strncmp(old, w->from->name, len) || old[len] != ':')
		return;
	snprintf(text, sizeof(text), "%s%s", w->to->name, old + len);
	if (strlen(text) < IFNAMSIZ)
		nla_put_string(m, IFA_LABEL, text);
}

/* The kernel finds the rest of the flags itself. An address that was in use needs no proof that nobody else uses it. */
static uint32_t
flags_to_keep(uint8_t family, uint32_t flags)
{
	flags &= IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
	return family == AF_INET6 ? flags | IFA_F_NODAD : flags;
}

static int
take_address(struct nlmsghdr *h, void *arg)
{
	static const int replaced[] = { IFA_FLAGS, IFA_LABEL, 0 }, none[] = { 0 };
	struct ifaddrmsg *old = nlmsg_data(h), head = *old;
	struct nlattr *a[IFA_MAX + 1];
	struct work *w = arg;
	struct nl_msg *m;

	if (h->nlmsg_type != RTM_NEWADDR || (int)old->ifa_index != w->from->index || nlmsg_parse(h, sizeof(head), a, IFA_MAX, NULL) < 0)
		return 0;
	head.ifa_index = (unsigned)w->to->index;
	head.ifa_flags = 0;
	/* One that the kernel may have made itself meanwhile (of the link) is made ours. */
	m = netlink_add(&w->add[ADDRESSES], RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head), "%s: address", w->to->name);
	copy_attrs(m, h, sizeof(head), replaced);
	nla_put_u32(m, IFA_FLAGS, flags_to_keep(old->ifa_family, a[IFA_FLAGS] ? nla_get_u32(a[IFA_FLAGS]) : old->ifa_flags));
	put_label(m, w, a[IFA_LABEL]);
	copy_attrs(netlink_add(&w->remove[ADDRESSES], RTM_DELADDR, 0, old, sizeof(*old), "%s: address", w->from->name), h, sizeof(*old), none);
	return 0;
}

/* The hops of a route: their interface replaced, their state left to the kernel. */
static void
replace_hops(const struct work *w, struct nlattr *multipath)
{
	int left = nla_len(multipath);

	for (struct rtnexthop *hop = nla_data(multipath); RTNH_OK(hop, left); left -= NLMSG_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		hop->rtnh_flags &= RTNH_F_ONLINK | RTNH_F_PERVASIVE;
		if (hop->rtnh_ifindex == w->from->index)
			hop->rtnh_ifindex = w->to->index;
	}
}

static bool
hops_use(const struct work *w, struct nlattr *multipath)
{
	int left = nla_len(multipath);

	for (struct rtnexthop *hop = nla_data(multipath); RTNH_OK(hop, left); left -= NLMSG_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		if (hop->rtnh_ifindex == w->from->index)
			return true;
	return false;
}

/* Those of this host's own addresses come and go with them, and those of nexthops are moved as such. */
static bool
is_moved(const struct work *w, const struct rtmsg *rt, struct nlattr *a[])
{
	uint32_t table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : rt->rtm_table;

	if ((rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) || table == RT_TABLE_LOCAL || rt->rtm_flags & RTM_F_CLONED || a[RTA_NH_ID])
		return false;
	return (a[RTA_OIF] && (int)nla_get_u32(a[RTA_OIF]) == w->from->index) || (a[RTA_MULTIPATH] && hops_use(w, a[RTA_MULTIPATH]));
}

static enum stage
stage_of(const struct rtmsg *rt, struct nlattr *a[])
{
	if (a[RTA_GATEWAY] || a[RTA_VIA] || a[RTA_MULTIPATH])
		return ROUTES;
	return rt->rtm_protocol == RTPROT_KERNEL ? CONNECTED : LINK_ROUTES;
}

/* Of a route that expires the kernel says so in one attribute, and wants to be told in another. */
static void
put_expiry(struct nl_msg *m, struct nlattr *cacheinfo)
{
	const struct rta_cacheinfo *c = cacheinfo && nla_len(cacheinfo) >= (int)sizeof(*c) ? nla_data(cacheinfo) : NULL;

	if (c && c->rta_expires > 0)
		nla_put_u32(m, RTA_EXPIRES, (uint32_t)(c->rta_expires / sysconf(_SC_CLK_TCK)));
}

static int
take_route(struct nlmsghdr *h, void *arg)
{
	static const int replaced[] = { RTA_OIF, RTA_MULTIPATH, RTA_CACHEINFO, 0 }, none[] = { RTA_CACHEINFO, 0 };
	struct rtmsg *old = nlmsg_data(h), head = *old;
	struct nlattr *a[RTA_MAX + 1];
	struct work *w = arg;
	struct nl_msg *m;
	enum stage stage;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(head), a, RTA_MAX, NULL) < 0 || !is_moved(w, old, a))
		return 0;
	stage = stage_of(old, a);
	m = netlink_add(&w->remove[stage], RTM_DELROUTE, 0, old, sizeof(*old), "%s: route", w->from->name);
	copy_attrs(m, h, sizeof(*old), none);
	head.rtm_flags &= RTNH_F_ONLINK | RTNH_F_PERVASIVE;
	/* Appended, it lives beside the old one of the same metric, which is then deleted: there is always one. */
	m = netlink_add(&w->add[stage], RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, &head, sizeof(head), "%s: route", w->to->name);
	copy_attrs(m, h, sizeof(head), replaced);
	put_expiry(m, a[RTA_CACHEINFO]);
	if (a[RTA_OIF])
		nla_put_u32(m, RTA_OIF, (uint32_t)w->to->index);
	if (a[RTA_MULTIPATH]) {
		replace_hops(w, a[RTA_MULTIPATH]);
		nla_put(m, RTA_MULTIPATH, nla_len(a[RTA_MULTIPATH]), nla_data(a[RTA_MULTIPATH]));
	}
	return 0;
}

/* Replaced where they are: the routes that use them follow. */
static int
take_nexthop(struct nlmsghdr *h, void *arg)
{
	static const int replaced[] = { NHA_OIF, 0 };
	struct nhmsg head = *(struct nhmsg *)nlmsg_data(h);
	struct nlattr *oif = nlmsg_find_attr(h, sizeof(head), NHA_OIF);
	struct work *w = arg;
	struct nl_msg *m;

	if (h->nlmsg_type != RTM_NEWNEXTHOP || !oif || (int)nla_get_u32(oif) != w->from->index)
		return 0;
	head.nh_flags &= RTNH_F_ONLINK;
	head.nh_scope = 0; /* the kernel finds it, and takes none */
	m = netlink_add(&w->add[NEXTHOPS], RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head), "%s: nexthop", w->to->name);
	copy_attrs(m, h, sizeof(head), replaced);
	nla_put_u32(m, NHA_OIF, (uint32_t)w->to->index);
	m = netlink_add(&w->undo, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head), "%s: nexthop", w->from->name);
	copy_attrs(m, h, sizeof(head), (int[]){ 0 });
	return 0;
}

/* A neighbour that was known spares the first packet the question; it is asked again when it has been silent. */
static uint16_t
state_to_keep(uint16_t state)
{
	return state & NUD_PERMANENT ? NUD_PERMANENT : state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE) ? NUD_STALE : 0;
}

static int
take_neighbour(struct nlmsghdr *h, void *arg)
{
	static const int none[] = { NDA_CACHEINFO, NDA_PROBES, 0 };
	struct ndmsg *old = nlmsg_data(h), head = *old;
	bool proxy = old->ndm_flags & NTF_PROXY;
	struct work *w = arg;

	if (h->nlmsg_type != RTM_NEWNEIGH || old->ndm_ifindex != w->from->index || (old->ndm_family != AF_INET && old->ndm_family != AF_INET6))
		return 0;
	head.ndm_ifindex = w->to->index;
	head.ndm_state = proxy ? old->ndm_state : state_to_keep(old->ndm_state);
	if (!proxy && !head.ndm_state)
		return 0;
	copy_attrs(netlink_add(&w->add[NEIGHBOURS], RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head), "%s: neighbour", w->to->name), h,
		sizeof(head), none);
	if (proxy || head.ndm_state == NUD_PERMANENT)
		copy_attrs(netlink_add(&w->remove[NEIGHBOURS], RTM_DELNEIGH, 0, old, sizeof(*old), "%s: neighbour", w->from->name), h, sizeof(*old),
			none);
	return 0;
}

static void
discard(struct work *w)
{
	for (size_t i = 0; i < STAGES; i++) {
		netlink_discard(&w->add[i]);
		netlink_discard(&w->remove[i]);
	}
	netlink_discard(&w->undo);
}

static int
survey(struct netlink *nl, struct work *w)
{
	struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };
	struct rtmsg route = { .rtm_family = AF_UNSPEC };
	struct nhmsg nexthop = { .nh_family = AF_UNSPEC };
	struct ndmsg neighbour = { .ndm_family = AF_UNSPEC }, proxy = { .ndm_family = AF_UNSPEC, .ndm_flags = NTF_PROXY };
	const struct {
		int type;
		void *head;
		size_t len;
		int (*fn)(struct nlmsghdr *h, void *arg);
	} dumps[] = {
		{ RTM_GETADDR, &address, sizeof(address), take_address },
		{ RTM_GETROUTE, &route, sizeof(route), take_route },
		{ RTM_GETNEXTHOP, &nexthop, sizeof(nexthop), take_nexthop },
		{ RTM_GETNEIGH, &neighbour, sizeof(neighbour), take_neighbour },
		{ RTM_GETNEIGH, &proxy, sizeof(proxy), take_neighbour },
	};

	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		int err = netlink_ask(nl, dumps[i].type, NLM_F_DUMP, dumps[i].head, dumps[i].len, dumps[i].fn, w);

		/* Kernels before 5.3 have no nexthops. */
		if (err && !(dumps[i].type == RTM_GETNEXTHOP && err == -EOPNOTSUPP))
			return err;
	}
	return 0;
}

/* Hands the messages of one batch over to another. */
static void
append(struct netlink_batch *to, struct netlink_batch *from, bool backwards)
{
	size_t room = to->n + from->n;
	struct netlink_batch_entry *v = reallocarray(to->v, room + 1, sizeof(*v));

	if (!v)
		die_sys("netlink batch");
	to->v = v;
	to->room = room + 1;
	for (size_t i = 0; i < from->n; i++)
		to->v[to->n++] = from->v[backwards ? from->n - 1 - i : i];
	free(from->v);
	*from = (struct netlink_batch){ 0 };
}

/* Of all but nexthops the number of the message that deletes is by one that of the message that adds. */
static void
add_opposites(struct netlink_batch *undo, const struct netlink_batch *add)
{
	for (size_t i = add->n; i-- > 0;) {
		struct nlmsghdr *h = nlmsg_hdr(add->v[i].msg);

		netlink_add(undo, h->nlmsg_type + 1, 0, nlmsg_data(h), (size_t)nlmsg_datalen(h), "%s", add->v[i].what);
	}
}

int
move_plan(struct netlink *nl, const struct link *from, const struct link *to, struct move *m)
{
	struct work w = { .from = from, .to = to };
	int err;

	*m = (struct move){ 0 };
	do {
		discard(&w);
		err = survey(nl, &w);
	} while (err == -EAGAIN);
	if (err) {
		discard(&w);
		return err;
	}
	append(&m->undo, &w.undo, false);
	for (size_t i = STAGES; i-- > 0;)
		if (i != NEXTHOPS)
			add_opposites(&m->undo, &w.add[i]);
	for (size_t i = 0; i < STAGES; i++)
		append(i == ADDRESSES	? &m->add_addresses
		       : i == CONNECTED ? &m->add_connected
					: &m->add_rest,
			&w.add[i], false);
	/* Backwards: a secondary address would vanish with its primary one, which then could not be deleted twice. */
	for (size_t i = STAGES; i-- > 0;)
		append(i == ADDRESSES ? &m->remove_addresses : &m->remove_rest, &w.remove[i], true);
	return 0;
}

void
move_discard(struct move *m)
{
	netlink_discard(&m->add_addresses);
	netlink_discard(&m->add_connected);
	netlink_discard(&m->add_rest);
	netlink_discard(&m->remove_rest);
	netlink_discard(&m->remove_addresses);
	netlink_discard(&m->undo);
}
