/* SPDX-License-Identifier: ISC */
/* Netlink batches and questions, on the kernel, in a network namespace of our own. */
/* pkg: libnl-3.0 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "common/netlink.h"
#include "tests/unit/tap.h"

static void
add_bridge(struct netlink_batch *b, const char *name)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = netlink_add(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head), "bridge %s", name);
	struct nlattr *info;

	nla_put_string(m, IFLA_IFNAME, name);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "bridge");
	nla_nest_end(m, info);
}

static int
count(struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWLINK)
		++*(int *)arg;
	return 0;
}

static int
refuse(struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
	return -EDOM;
}

static int
links(struct netlink *nl)
{
	struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	int n = 0;

	return netlink_ask(nl, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all), count, &n) ? -1 : n;
}

static void
test_batch(struct netlink *nl)
{
	struct netlink_batch b = { 0 };
	size_t failed;
	int before = links(nl);

	add_bridge(&b, "br0");
	add_bridge(&b, "br1");
	ok(netlink_commit(nl, &b, &failed) == 0 && failed == 2 && !b.n, "two at once");
	ok(links(nl) == before + 2, "both are there");

	add_bridge(&b, "br2");
	add_bridge(&b, "br1");
	add_bridge(&b, "br3");
	ok(netlink_commit(nl, &b, &failed) == -EEXIST && failed == 1, "the second of three fails");
	ok(!strcmp(nl->why, "bridge br1: File exists"), "and is named");
	ok(if_nametoindex("br3"), "rtnetlink goes on after it");
	ok(netlink_commit(nl, &b, NULL) == 0, "an empty batch is done");
}

/* More than a socket's send buffer takes unless it is told to. */
static void
test_large(struct netlink *nl)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct netlink_batch b = { 0 };

	for (int i = 0; i < 2000; i++) {
		struct nl_msg *m = netlink_add(&b, RTM_SETLINK, 0, &head, sizeof(head), "br0");

		nla_put_string(m, IFLA_IFNAME, "br0");
		nla_put_string(m, IFLA_IFALIAS, "as long an alias as it takes to make the batch large, which it is by the number of them");
	}
	is(netlink_commit(nl, &b, NULL) ? nl->why : "", "", "a batch of a quarter of a megabyte");
}

static void
test_ask(struct netlink *nl)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex("br0") };
	struct netlink_batch b = { 0 };
	int n = 0;

	ok(netlink_ask(nl, RTM_GETLINK, 0, &head, sizeof(head), count, &n) == 0 && n == 1, "one object");
	head.ifi_index = 99999;
	ok(netlink_ask(nl, RTM_GETLINK, 0, &head, sizeof(head), count, &n) == -ENODEV && n == 1, "none");
	head.ifi_index = 0;
	ok(netlink_ask(nl, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head), refuse, NULL) == -EDOM, "a dump that the asker ends");
	ok(links(nl) == 5, "and the next question has its own answer");
	netlink_add(&b, RTM_GETLINK, 0, &head, sizeof(head), "the bridge");
	nla_put_string(b.v[0].msg, IFLA_IFNAME, "br1");
	ok(netlink_ask_batch(nl, &b, count, &n) == 0 && n == 2 && !b.n, "by name");
}

static void
test_listen(struct netlink *nl)
{
	struct pollfd p = { .events = POLLIN };
	struct netlink_batch b = { 0 };
	struct netlink news;

	ok(netlink_listen(&news, NETLINK_ROUTE, RTNLGRP_LINK) == 0, "listen");
	p.fd = news.fd;
	ok(poll(&p, 1, 0) == 0, "no news yet");
	add_bridge(&b, "br9");
	netlink_commit(nl, &b, NULL);
	ok(poll(&p, 1, 10000) == 1, "news of a new interface");
	netlink_close(&news);
}

int
main(void)
{
	struct netlink nl;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		ok(true, "netlink # SKIP no namespaces here");
		return tap_done();
	}
	ok(netlink_open(&nl, NETLINK_ROUTE) == 0, "open");
	test_batch(&nl);
	test_large(&nl);
	test_ask(&nl);
	test_listen(&nl);
	netlink_close(&nl);
	return tap_done();
}
