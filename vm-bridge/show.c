/* SPDX-License-Identifier: ISC */
/* vm-bridge list, show and fdb: the bridges there are, what one of them is like, whom it has seen. */
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/link.h"
#include "common/num.h"
#include "common/print.h"
#include "vm-bridge/ifaddr.h"
#include "vm-bridge/options.h"
#include "vm-bridge/verbs.h"

static void
open_netlink(struct netlink *nl)
{
	if (netlink_open(nl, NETLINK_ROUTE))
		die_sys("netlink");
}

struct addresses {
	int index;
	struct printer *out;
};

static int
print_address(struct nlmsghdr *h, void *arg)
{
	struct addresses *as = arg;
	char text[PREFIX_TEXT_MAX];
	struct prefix a;

	if (ifaddr_read(h, as->index, &a)) {
		prefix_format(&a, text);
		print_item(as->out, text);
	}
	return 0;
}

/* A dump that another change cut short is not begun again: what came is printed already, and each line of it was true. */
static void
print_addresses(struct netlink *nl, struct printer *out, const struct link *l)
{
	struct ifaddrmsg any = { .ifa_family = AF_UNSPEC };
	struct addresses as = { l->index, out };

	print_list(out, "addresses", "address");
	netlink_ask(nl, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any), print_address, &as);
	print_list_end(out);
}

static void
print_ports(struct printer *out, const struct links *ls, const struct link *bridge)
{
	print_list(out, "ports", "port");
	for (size_t i = 0; i < ls->n; i++)
		if (ls->v[i].master == bridge->index)
			print_item(out, ls->v[i].name);
	print_list_end(out);
}

static void
print_head(struct printer *out, const struct link *l)
{
	print_word(out, "name", l->name);
	print_word(out, "state", l->flags & IFF_UP ? "up" : "down");
	print_mac(out, "mac", l->mac);
	print_number(out, "mtu", l->mtu);
}

int
verb_list(int argc, char **argv)
{
	struct printer out = { .form = PRINT_ROWS };
	struct links ls = { 0 };
	struct netlink nl;
	int c;

	while ((c = getopt(argc, argv, "+j")) != -1) {
		if (c != 'j')
			die_usage("-%c: no such option here (try --help)", optopt);
		out.form = PRINT_JSON;
	}
	if (argv[optind])
		die_usage("%s: list takes no operand (try --help)", argv[optind]);
	open_netlink(&nl);
	links_load(&nl, &ls);
	for (size_t i = 0; i < ls.n; i++) {
		if (!link_is_bridge(&ls.v[i]))
			continue;
		print_begin(&out);
		print_head(&out, &ls.v[i]);
		print_addresses(&nl, &out, &ls.v[i]);
		print_ports(&out, &ls, &ls.v[i]);
		print_end(&out);
	}
	links_free(&ls);
	netlink_close(&nl);
	flush_stdout();
	return 0;
}

static void
print_setting(const char *key, const char *value, void *arg)
{
	uint64_t n;

	if (num_parse(value, 0, UINT32_MAX, &n))
		print_number(arg, key, (unsigned)n);
	else
		print_word(arg, key, value);
}

static const char *
state_word(const struct link *port)
{
	static const char *const words[] = { "disabled", "listening", "learning", "forwarding", "blocking" };

	return port->state < sizeof(words) / sizeof(words[0]) ? words[port->state] : "?";
}

/* What is to be told of one bridge, by show and fdb. */
struct report {
	struct printer out;
	struct netlink nl;
	struct links links;
	struct link bridge;
};

static void
begin(struct report *r, int argc, char **argv)
{
	struct options o;

	options_parse(&o, argc, argv, "+:j");
	options_end(&o);
	if (o.json)
		r->out.form = PRINT_JSON;
	open_netlink(&r->nl);
	link_get_bridge(&r->nl, o.bridge, &r->bridge);
	links_load(&r->nl, &r->links);
}

static int
end(struct report *r)
{
	links_free(&r->links);
	netlink_close(&r->nl);
	flush_stdout();
	return 0;
}

int
verb_show(int argc, char **argv)
{
	struct report r = { .out = { .form = PRINT_KEYS } };

	begin(&r, argc, argv);
	print_begin(&r.out);
	print_head(&r.out, &r.bridge);
	attrs_each(&bridge_settings, &r.bridge.settings, print_setting, &r.out);
	print_addresses(&r.nl, &r.out, &r.bridge);
	print_list(&r.out, "ports", "port");
	for (size_t i = 0; i < r.links.n; i++) {
		const struct link *port = &r.links.v[i];

		if (port->master != r.bridge.index)
			continue;
		print_row(&r.out);
		print_word(&r.out, "name", port->name);
		print_word(&r.out, "state", state_word(port));
		print_word(&r.out, "kind", *port->kind ? port->kind : "nic");
		print_row_end(&r.out);
	}
	print_list_end(&r.out);
	print_end(&r.out);
	return end(&r);
}

static const char *
kind_word(const struct ndmsg *nd)
{
	return nd->ndm_state & NUD_PERMANENT ? "own" : nd->ndm_state & NUD_NOARP ? "fixed" : "learned";
}

static int
print_station(struct nlmsghdr *h, void *arg)
{
	struct ndmsg *nd = nlmsg_data(h);
	struct nlattr *a[NDA_MAX + 1];
	struct report *r = arg;
	const struct link *port = links_by_index(&r->links, nd->ndm_ifindex);

	if (nd->ndm_family != AF_BRIDGE || nlmsg_parse(h, sizeof(*nd), a, NDA_MAX, NULL) < 0 || !port || !a[NDA_MASTER] || !a[NDA_LLADDR] ||
		(int)nla_get_u32(a[NDA_MASTER]) != r->bridge.index || nla_len(a[NDA_LLADDR]) != 6)
		return 0;
	print_begin(&r->out);
	print_mac(&r->out, "mac", nla_data(a[NDA_LLADDR]));
	print_word(&r->out, "port", port->name);
	print_number(&r->out, "vlan", a[NDA_VLAN] ? nla_get_u16(a[NDA_VLAN]) : 0);
	print_word(&r->out, "kind", kind_word(nd));
	print_end(&r->out);
	return 0;
}

/* The stations that a bridge has seen, or is. */
int
verb_fdb(int argc, char **argv)
{
	struct report r = { .out = { .form = PRINT_ROWS } };
	struct ifinfomsg head = { .ifi_family = AF_BRIDGE };
	struct netlink_batch b = { 0 };
	struct nl_msg *m;

	begin(&r, argc, argv);
	m = netlink_add(&b, RTM_GETNEIGH, NLM_F_DUMP, &head, sizeof(head), "%s", r.bridge.name);
	nla_put_u32(m, IFLA_MASTER, (uint32_t)r.bridge.index);
	if (netlink_ask_batch(&r.nl, &b, print_station, &r))
		die("%s", r.nl.why);
	return end(&r);
}
