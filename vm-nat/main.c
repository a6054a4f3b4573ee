/* SPDX-License-Identifier: ISC */
/* vm-nat: addresses of this host's for guests that have none that the world knows, and ports that lead to them. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-nat/encode.h"
#include "vm-nat/options.h"
#include "vm-nat/plan.h"
#include "vm-nat/ruleset.h"

static void
open_netlink(struct netlink *nl, int family)
{
	errno = -netlink_open(nl, family);
	if (errno)
		die_sys("netlink");
}

static void
resolve(struct options *o)
{
	struct netlink route;

	open_netlink(&route, NETLINK_ROUTE);
	network_resolve(&o->net, &route);
	netlink_close(&route);
	network_check(&o->net);
}

static int
add(struct options *o)
{
	struct table t = { .owner = o->verb == VERB_LOAD };
	struct netlink_batch b = { 0 };
	struct netlink nl;

	resolve(o);
	plan_table(&t, &o->net);
	if (o->check) {
		table_print(stdout, &t, !t.owner);
		flush_stdout();
		return 0;
	}
	open_netlink(&nl, NETLINK_NETFILTER);
	batch_begin(&b, NULL);
	table_put(&b, &t, !t.owner);
	batch_end(&b);
	if (netlink_commit(&nl, &b, NULL))
		die("%s", nl.why);
	table_free(&t);
	if (o->verb == VERB_LOAD) {
		char word[32];

		snprintf(word, sizeof(word), "hold,fd=%d", fd_move_high(nl.fd));
		wire_export(word);
		if (o->user)
			seal_user(o->user);
		wire_exec(o->program);
	}
	netlink_close(&nl);
	return 0;
}

static int
del(struct options *o)
{
	struct netlink_batch b = { 0 };
	char name[TABLE_NAME_MAX];
	struct netlink nl;
	int err;

	plan_name(name, &o->net);
	open_netlink(&nl, NETLINK_NETFILTER);
	batch_begin(&b, NULL);
	table_put_delete(&b, 1, name);
	batch_end(&b);
	err = netlink_commit(&nl, &b, NULL);
	if (err && err != -ENOENT)
		die("%s", nl.why);
	netlink_close(&nl);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct options o;

	diag_init(argv[0], 1);
	options_parse(&o, argc, argv);
	switch (o.verb) {
	case VERB_LOAD:
	case VERB_ADD: return add(&o);
	case VERB_DEL: return del(&o);
	default: return 0;
	}
}
