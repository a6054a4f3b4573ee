/* links: vm-nat/forward.c vm-nat/network.c vm-nat/plan.c vm-nat/rules.c vm-nat/text.c vm-nat/encode.c vm-nat/encode_expr.c */
/* SPDX-License-Identifier: ISC */
/* The rules of a network, in nft's words, and what the messages for the kernel say that they are about. */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "vm-nat/plan.h"

static const char want[] =
    "table inet vm-nat-br0\n"
    "delete table inet vm-nat-br0\n"
    "table inet vm-nat-br0 {\n"
    "	comment \"10.0.0.0/24 fd00::/64\"\n"
    "	chain guard {\n"
    "		type filter hook prerouting priority -300; policy accept;\n"
    "		iifname \"br0\" ip daddr 127.0.0.0/8 drop\n"
    "		iifname \"br0\" ip saddr 127.0.0.0/8 drop\n"
    "	}\n"
    "	chain forwards {\n"
    "		meta nfproto ipv4 tcp dport 80-81 fib daddr type local counter dnat ip to 10.0.0.2:tcp dport map { 80 : 90, 81 : 91 }"
    " comment \"80-81:10.0.0.2:90-91\"\n"
    "		ip6 daddr 2001:db8::1 udp dport 53 counter dnat ip6 to [fd00::2]:54 comment \"udp:[2001:db8::1]:53:[fd00::2]:54\"\n"
    "		ip6 daddr != ::1 tcp dport 22 fib daddr type local counter dnat ip6 to fd00::2 comment \"22:[fd00::2]\"\n"
    "	}\n"
    "	chain pre {\n"
    "		type nat hook prerouting priority -100; policy accept;\n"
    "		jump forwards\n"
    "	}\n"
    "	chain out {\n"
    "		type nat hook output priority -100; policy accept;\n"
    "		jump forwards\n"
    "	}\n"
    "	chain post {\n"
    "		type nat hook postrouting priority 100; policy accept;\n"
    "		oifname \"br0\" ip saddr 10.0.0.0/24 ct status dnat masquerade\n"
    "		oifname \"br0\" ip6 saddr fd00::/64 ct status dnat masquerade\n"
    "		oifname \"br0\" ip saddr 127.0.0.0/8 ct status dnat masquerade\n"
    "		ip saddr 10.0.0.0/24 ip daddr 224.0.0.0/24 return\n"
    "		ip saddr 10.0.0.0/24 ip daddr 255.255.255.255 return\n"
    "		ip saddr 10.0.0.0/24 oifname \"eth0\" meta l4proto tcp counter snat ip to 192.0.2.1:1024-65535 comment \"out 10.0.0.0/24\"\n"
    "		ip saddr 10.0.0.0/24 oifname \"eth0\" meta l4proto udp counter snat ip to 192.0.2.1:1024-65535 comment \"out 10.0.0.0/24\"\n"
    "		ip saddr 10.0.0.0/24 oifname \"eth0\" counter snat ip to 192.0.2.1 comment \"out 10.0.0.0/24\"\n"
    "		ip6 saddr fd00::/64 ip6 daddr ff00::/8 return\n"
    "		ip6 saddr fd00::/64 oifname \"eth0\" meta l4proto tcp counter masquerade to :1024-65535 comment \"out fd00::/64\"\n"
    "		ip6 saddr fd00::/64 oifname \"eth0\" meta l4proto udp counter masquerade to :1024-65535 comment \"out fd00::/64\"\n"
    "		ip6 saddr fd00::/64 oifname \"eth0\" counter masquerade comment \"out fd00::/64\"\n"
    "	}\n"
    "	chain forward {\n"
    "		type filter hook forward priority 0; policy accept;\n"
    "		iifname \"br0\" tcp flags syn tcp option maxseg size set rt mtu\n"
    "		oifname \"br0\" tcp flags syn tcp option maxseg size set rt mtu\n"
    "		oifname \"br0\" ct state established,related accept\n"
    "		oifname \"br0\" ct status dnat accept\n"
    "		iifname \"br0\" oifname \"br0\" counter drop comment \"refused between guests\"\n"
    "		iifname \"br0\" ct state established,related accept\n"
    "		iifname \"br0\" oifname \"eth0\" ip saddr 10.0.0.0/24 accept\n"
    "		iifname \"br0\" oifname \"eth0\" ip6 saddr fd00::/64 accept\n"
    "		iifname \"br0\" counter reject with icmpx port-unreachable comment \"refused from guests\"\n"
    "		oifname \"br0\" counter reject with icmpx port-unreachable comment \"refused to guests\"\n"
    "	}\n"
    "}\n";

static void
add_forward(struct network *n, const char *word)
{
	const char *why;

	forward_parse(&n->forwards[n->nforwards], word, &why);
	n->words[n->nforwards++] = word;
}

static void
add_net(struct network *n, const char *word)
{
	struct prefix p;

	prefix_parse(&p, word);
	network_add(n, p);
}

/* The message about the nth thing that is called so. */
static bool
about(const struct netlink_batch *b, const char *what)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].what, what))
			return true;
	return false;
}

static void
test_table(void)
{
	static struct network n = { .bridge = "br0", .via = "eth0", .separate = true };
	struct netlink_batch b = { 0 };
	struct table t = { 0 };
	char *text;
	size_t size;
	FILE *f;

	add_net(&n, "10.0.0.1/24");
	add_net(&n, "10.0.0.128/25");
	add_net(&n, "fd00::1/64");
	prefix_parse(&n.from4, "192.0.2.1");
	add_forward(&n, "80-81:10.0.0.2:90-91");
	add_forward(&n, "udp:[2001:db8::1]:53:[fd00::2]:54");
	add_forward(&n, "22:[fd00::2]");
	plan_table(&t, &n);
	f = open_memstream(&text, &size);
	table_print(f, &t, true);
	fclose(f);
	is(text, want, "a network of all kinds");
	free(text);

	table_put(&b, &t, true);
	ok(about(&b, "table vm-nat-br0") && about(&b, "chain post") && about(&b, "22:[fd00::2]") && about(&b, "chain forward, rule 4"),
	    "every message says what it is about");
	netlink_discard(&b);
	table_free(&t);
}

static void
test_name(void)
{
	static struct network n;
	char name[TABLE_NAME_MAX];

	add_net(&n, "fd00:1::7/64");
	plan_name(name, &n);
	is(name, "vm-nat-fd00_1__/64", "a network's name, as nft takes it");
	n.bridge = "br0";
	plan_name(name, &n);
	is(name, "vm-nat-br0", "an interface's");
}

/* More elements than a message of a set has room for. */
static void
test_map(void)
{
	static struct network n = { .bridge = "br0" };
	struct netlink_batch b = { 0 };
	struct table t = { 0 };
	size_t bytes = 0;

	add_net(&n, "10.0.0.1/24");
	add_forward(&n, "1-60000:10.0.0.2:2-60001");
	plan_table(&t, &n);
	table_put(&b, &t, true);
	for (size_t i = 0; i < b.n; i++)
		bytes += nlmsg_hdr(b.v[i].msg)->nlmsg_len;
	/* Each of the 60000 has a key and a data of 2 bytes in attributes of their own. */
	ok(bytes > 60000 * 2 * 8, "every port of a long range is there");
	netlink_discard(&b);
	table_free(&t);
}

int
main(void)
{
	test_table();
	test_name();
	test_map();
	return tap_done();
}
