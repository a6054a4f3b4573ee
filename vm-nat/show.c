/* SPDX-License-Identifier: ISC */
/* vm-nat list and show; the contracts are in show.h. */
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-nat/apply.h"
#include "vm-nat/plan.h"
#include "vm-nat/show.h"

void
show_list(const struct options *o)
{
	struct netlink nl;
	struct ruleset rs;

	(void)o;
	open_netlink(&nl, NETLINK_NETFILTER);
	read_ruleset(&nl, &rs);
	for (size_t i = 0; i < rs.n; i++) {
		const struct found_table *t = &rs.tables[i];

		if (!table_is_undo(t))
			printf("%s\t%s\t%u\t%s\n", t->network, t->owner ? "held" : "kept", t->owner, t->comment);
	}
	flush_stdout();
}

void
show_network(const struct options *o)
{
	(void)o;
}
