/* SPDX-License-Identifier: ISC */
/* The rules of a network. Each is an expression after the other, as nft would say it; vm-nat -n prints them. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "vm-nat/plan.h"

#define PRIORITY_RAW NF_IP_PRI_RAW
#define PRIORITY_DSTNAT NF_IP_PRI_NAT_DST
#define PRIORITY_FILTER NF_IP_PRI_FILTER
#define PRIORITY_SRCNAT NF_IP_PRI_NAT_SRC

#define PORT_LO 1024 /* a client's: what trusts lower ones (NFS) is not to trust a guest */
#define PORT_HI 65535

static const struct expr none, counter = { .kind = EXPR_COUNTER }, clamp = { .kind = EXPR_CLAMP }, syn = { .kind = EXPR_SYN },
    accepted = { .kind = EXPR_VERDICT, .number = NF_ACCEPT }, dropped = { .kind = EXPR_VERDICT, .number = NF_DROP },
    returned = { .kind = EXPR_VERDICT, .number = NFT_RETURN }, refused = { .kind = EXPR_REJECT }, local = { .kind = EXPR_LOCAL },
    known = { .kind = EXPR_CT_STATE, .number = 1 << (IP_CT_ESTABLISHED + 1) | 1 << (IP_CT_RELATED + 1) },
    forwarded = { .kind = EXPR_CT_STATUS, .number = IPS_DST_NAT };

static struct expr
iif(const char *name)
{
	return (struct expr){ .kind = EXPR_IIF, .text = name };
}

static struct expr
oif(const char *name)
{
	return (struct expr){ .kind = EXPR_OIF, .text = name };
}

static struct expr
saddr(struct prefix p)
{
	return (struct expr){ .kind = EXPR_SADDR, .addr = p };
}

static struct expr
daddr(struct prefix p)
{
	return (struct expr){ .kind = EXPR_DADDR, .addr = p };
}

static struct expr
not(struct expr e)
{
	e.negated = true;
	return e;
}

static struct expr
comment(const char *text)
{
	return (struct expr){ .kind = EXPR_COMMENT, .text = text };
}

static struct prefix
prefix(const char *text)
{
	struct prefix p;

	prefix_parse(&p, text);
	return p;
}

/* By the guests' interface, or where there is none, by their network. */
static struct expr
to_guests(const struct network *n, struct prefix p)
{
	return n->bridge ? oif(n->bridge) : daddr(p);
}

/*
 * To answer a connection from 127.0.0.1 the guests' interface must take packets to 127.0.0.0/8 (route_localnet). None that
 * a guest itself sends there, or from there, is to come in: they are dropped before connection tracking, which is what
 * makes packets to the loopback of the answers.
 */
static void
plan_guard(struct table *t, const struct network *n)
{
	struct chain *c;

	if (!n->bridge || !network_forwards_loopback(n))
		return;
	c = table_chain(t, "guard", "filter", NF_INET_PRE_ROUTING, PRIORITY_RAW);
	RULE(c, iif(n->bridge), daddr(prefix("127.0.0.0/8")), dropped);
	RULE(c, iif(n->bridge), saddr(prefix("127.0.0.0/8")), dropped);
}

static void
plan_forward(struct chain *c, const struct forward *f, const char *word)
{
	int family = f->host.sa.sa_family;
	bool any = address_is_any(&f->host);
	uint16_t lo = address_port(&f->host), to = address_port(&f->guest);
	uint8_t proto = f->udp ? IPPROTO_UDP : IPPROTO_TCP;
	/* Answers to ::1 are routed to no interface but lo (rt6_need_strict in the kernel), so it is left to programs of this host. */
	struct expr every = family == AF_INET6 ? not(daddr(prefix("::1"))) : (struct expr){ .kind = EXPR_FAMILY, .number = family };
	struct expr dport = { .kind = EXPR_DPORT, .ports = { .proto = proto, .lo = lo, .hi = f->last } };
	struct expr dnat = { .kind = EXPR_DNAT, .addr = prefix_of(&f->guest) };

	if (to != lo)
		dnat.ports = (struct ports){ .proto = proto, .lo = to, .hi = (uint16_t)(to + f->last - lo), .from = f->last > lo ? lo : 0 };
	RULE(c, any ? every : daddr(prefix_of(&f->host)), dport, any ? local : none, counter, dnat, comment(word));
}

/* What comes from outside and from guests goes through prerouting, what this host's own programs send through output. */
static void
plan_forwards(struct table *t, const struct network *n)
{
	const struct expr jump = { .kind = EXPR_JUMP, .text = FORWARDS_CHAIN };
	struct chain *c;

	if (!n->nforwards)
		return;
	c = table_chain(t, FORWARDS_CHAIN, NULL, 0, 0);
	for (size_t i = 0; i < n->nforwards; i++)
		plan_forward(c, &n->forwards[i], n->words[i]);
	RULE(table_chain(t, "pre", "nat", NF_INET_PRE_ROUTING, PRIORITY_DSTNAT), jump);
	RULE(table_chain(t, "out", "nat", NF_INET_LOCAL_OUT, PRIORITY_DSTNAT), jump);
}

/* Connections that a forward leads back to where they came from: without it the guest would answer past this host. */
static void
plan_hairpin(struct chain *c, const struct network *n)
{
	const struct expr masquerade = { .kind = EXPR_MASQUERADE };

	for (size_t i = 0; i < n->nnets; i++)
		if (network_forwards(n, n->nets[i].family))
			RULE(c, to_guests(n, n->nets[i]), saddr(n->nets[i]), forwarded, masquerade);
	if (n->bridge && network_forwards_loopback(n))
		RULE(c, oif(n->bridge), saddr(prefix("127.0.0.0/8")), forwarded, masquerade);
}

static void
plan_source(struct chain *c, const struct network *n, struct prefix net, const char *name)
{
	struct prefix from = net.family == AF_INET6 ? n->from6 : n->from4;
	struct expr out = n->via ? oif(n->via) : n->bridge ? not(oif(n->bridge)) : not(daddr(net));
	struct expr nat = { .kind = from.family ? EXPR_SNAT : EXPR_MASQUERADE, .addr = from }, any_port = nat;
	const struct expr tcp = { .kind = EXPR_PROTO, .number = IPPROTO_TCP }, udp = { .kind = EXPR_PROTO, .number = IPPROTO_UDP };

	if (net.family == AF_INET6) {
		RULE(c, saddr(net), daddr(prefix("ff00::/8")), returned);
	} else {
		RULE(c, saddr(net), daddr(prefix("224.0.0.0/24")), returned);
		RULE(c, saddr(net), daddr(prefix("255.255.255.255")), returned);
	}
	nat.ports = (struct ports){ .lo = PORT_LO, .hi = PORT_HI };
	RULE(c, saddr(net), out, tcp, counter, nat, comment(name));
	RULE(c, saddr(net), out, udp, counter, nat, comment(name));
	RULE(c, saddr(net), out, counter, any_port, comment(name));
}

static void
plan_post(struct table *t, const struct network *n)
{
	struct chain *c = table_chain(t, "post", "nat", NF_INET_POST_ROUTING, PRIORITY_SRCNAT);

	plan_hairpin(c, n);
	for (size_t i = 0; i < n->nnets && !n->restricted; i++)
		plan_source(c, n, n->nets[i], n->names[i]);
}

/* Nothing here is about packets that neither come from the guests nor go to them. */
static void
plan_filter(struct chain *c, const struct network *n, struct expr from, struct expr to)
{
	RULE(c, from, syn, clamp);
	RULE(c, to, syn, clamp);
	RULE(c, to, known, accepted);
	RULE(c, to, forwarded, accepted);
	if (n->separate)
		RULE(c, from, to, counter, dropped, comment(REFUSED_BETWEEN));
	else
		RULE(c, from, to, accepted);
	RULE(c, from, known, accepted);
	for (size_t i = 0; i < n->nnets && !n->restricted; i++)
		if (n->bridge || from.addr.family == n->nets[i].family)
			RULE(c, from, n->via ? oif(n->via) : none, n->bridge ? saddr(n->nets[i]) : none, accepted);
	RULE(c, from, counter, refused, comment(REFUSED_FROM));
	RULE(c, to, counter, refused, comment(REFUSED_TO));
}

void
plan_name(char name[TABLE_NAME_MAX], const struct network *n)
{
	char text[PREFIX_TEXT_MAX];

	if (!n->bridge)
		prefix_format(&n->nets[0], text);
	snprintf(name, TABLE_NAME_MAX, TABLE_PREFIX "%s", n->bridge ? n->bridge : text);
	/* nft takes no colon in a name. */
	for (char *c = name; *c; c++)
		if (*c == ':')
			*c = '_';
}

static void
plan_comment(char *text, const struct network *n)
{
	size_t len = 0;

	for (size_t i = 0; i < n->nnets && len < COMMENT_MAX; i++)
		len += (size_t)snprintf(text + len, COMMENT_MAX - len, "%s%s", i ? " " : "", n->names[i] + strlen(OUT_COMMENT));
}

void
plan_table(struct table *t, const struct network *n)
{
	struct chain *c;

	plan_name(t->name, n);
	plan_comment(t->comment, n);
	t->family = NFPROTO_INET;
	plan_guard(t, n);
	plan_forwards(t, n);
	plan_post(t, n);
	c = table_chain(t, "forward", "filter", NF_INET_FORWARD, PRIORITY_FILTER);
	if (n->bridge)
		plan_filter(c, n, iif(n->bridge), oif(n->bridge));
	else
		for (size_t i = 0; i < n->nnets; i++)
			plan_filter(c, n, saddr(n->nets[i]), daddr(n->nets[i]));
}
