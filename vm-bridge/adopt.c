/* SPDX-License-Identifier: ISC */
/* vm-bridge adopt, confirm and release: a bridge in the place of the only NIC. */
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-bridge/barrier.h"
#include "vm-bridge/bypass.h"
#include "vm-bridge/guard.h"
#include "vm-bridge/options.h"
#include "vm-bridge/owners.h"
#include "vm-bridge/port.h"
#include "vm-bridge/verbs.h"

static void
check_owner(const struct link *nic)
{
	const char *why = owners_find(nic->name, nic->index);

	if (why)
		die("%s: %s; -f goes ahead", nic->name, why);
}

/* Whether it was done before. */
static bool
is_adopted(struct netlink *nl, const char *bridge, const char *nic)
{
	struct adopted a;
	struct link br;

	return !link_get(nl, bridge, &br) && adopted_read(&a, br.alias) && !strcmp(a.nic, nic);
}

int
verb_adopt(int argc, char **argv)
{
	struct netlink nl;
	struct guard g = { .nl = &nl };
	struct options o;

	options_parse(&o, argc, argv, "+:d:fqt:v");
	if (!*o.operands)
		die_usage("no NIC for %s to adopt (try --help)", o.bridge);
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	if (is_adopted(&nl, o.bridge, *o.operands)) {
		note(1, "%s: has adopted %s already", o.bridge, *o.operands);
		return 0;
	}
	port_check(&nl, *o.operands, o.bridge, 0, o.force, &g.nic);
	if (o.operands[1])
		die_usage("%s: one operand too many (try --help)", o.operands[1]);
	if (!(g.nic.flags & IFF_UP))
		die("%s: is down: there is nothing to move (vm-bridge add makes it a port)", g.nic.name);
	if (!o.force)
		check_owner(&g.nic);
	g.dir = o.dir;
	g.seconds = o.seconds;
	guard_listen(&g, o.bridge);
	if (!change_prepare(&nl, o.bridge, &g.nic, &g.br, &g.adopted)) {
		guard_cancel(&g, o.bridge);
		return 1;
	}
	if (!guard_adopt(&g))
		return 1;
	barrier_check(o.bridge, o.force);
	warn("%s: is in the place of %s, for %u seconds: vm-bridge confirm %s makes it last", o.bridge, g.nic.name, o.seconds, o.bridge);
	netlink_close(&nl);
	return 0;
}

int
verb_confirm(int argc, char **argv)
{
	struct options o;
	int told;

	options_parse(&o, argc, argv, "+:d:qv");
	options_end(&o);
	told = guard_tell(o.dir, o.bridge, "confirm\n");
	if (told < 0)
		die("%s: nothing waits to be confirmed", o.bridge);
	return told;
}

int
verb_release(int argc, char **argv)
{
	struct netlink nl;
	struct options o;
	struct link br;
	bool ok;
	int told;

	options_parse(&o, argc, argv, "+:d:qv");
	options_end(&o);
	told = guard_tell(o.dir, o.bridge, "release\n");
	if (told < 0) {
		if (netlink_open(&nl, NETLINK_ROUTE))
			die_sys("netlink");
		if (link_get(&nl, o.bridge, &br))
			die("%s", nl.why);
		told = !change_release(&nl, &br, bypass_load(&br));
		netlink_close(&nl);
	}
	ok = barrier_remove(o.bridge);
	return told || !ok;
}
