/* SPDX-License-Identifier: ISC */
/* Firewalls in the way; the contracts are in barrier.h. */
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/forward_block.h"
#include "vm-bridge/barrier.h"

void
barrier_tag(char tag[TAG_MAX], const char *bridge)
{
	snprintf(tag, TAG_MAX, "vm-bridge %s", bridge);
}

static bool
let_through(struct netlink *nl, const struct forward_blocks *blocks, const struct forward_path *p)
{
	char tag[TAG_MAX];

	barrier_tag(tag, p->bridge);
	if (forward_blocks_open(nl, blocks, p, tag)) {
		error("%s", nl->why);
		return false;
	}
	for (size_t i = 0; i < blocks->n; i++)
		note(1, "%s: let through by %s %s", p->bridge, blocks->v[i].table, blocks->v[i].into);
	return true;
}

static void
tell(const struct forward_blocks *blocks, const struct forward_path *p)
{
	char what[256], remedy[256];

	for (size_t i = 0; i < blocks->n; i++) {
		forward_block_describe(&blocks->v[i], p, what, sizeof(what));
		forward_block_remedy(&blocks->v[i], p, remedy, sizeof(remedy));
		warn("%s; this would let it through: %s", what, remedy);
	}
}

bool
barrier_check(const char *bridge, bool force)
{
	struct forward_blocks blocks;
	struct forward_path p;
	struct netlink nl;
	bool opened = false;

	if (!forward_path_bridged(&p, bridge))
		return false;
	if (netlink_open(&nl, NETLINK_NETFILTER))
		return false; /* a kernel that has no firewall */
	if (forward_blocks_find(&nl, &p, &blocks))
		warn("%s: whether a firewall drops what it forwards: %s", bridge, nl.why);
	if (blocks.n) {
		opened = force && let_through(&nl, &blocks, &p);
		if (!opened)
			tell(&blocks, &p);
	}
	forward_blocks_free(&blocks);
	netlink_close(&nl);
	return opened;
}

bool
barrier_remove(const char *bridge)
{
	struct netlink nl;
	char tag[TAG_MAX];
	int n;

	if (netlink_open(&nl, NETLINK_NETFILTER))
		return true;
	barrier_tag(tag, bridge);
	n = forward_blocks_close(&nl, tag);
	if (n < 0)
		error("%s: the rules that let it through: %s", bridge, nl.why);
	netlink_close(&nl);
	return n >= 0;
}
