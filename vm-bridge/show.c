/* SPDX-License-Identifier: ISC */
/* vm-bridge list: the bridges there are, and their ports. */
#include <linux/netlink.h>
#include <stdio.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-bridge/links.h"
#include "vm-bridge/verbs.h"

int
verb_list(int argc, char **argv)
{
	struct links ls = { 0 };
	struct netlink nl;

	if (getopt(argc, argv, "+") != -1 || argv[optind])
		die_usage("list takes nothing (try --help)");
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	links_load(&nl, &ls);
	for (size_t i = 0; i < ls.n; i++) {
		const char *comma = "";

		if (!link_is_bridge(&ls.v[i]))
			continue;
		printf("%s\t%s\t", ls.v[i].name, ls.v[i].flags & IFF_UP ? "up" : "down");
		for (size_t j = 0; j < ls.n; j++) {
			if (ls.v[j].master != ls.v[i].index)
				continue;
			printf("%s%s", comma, ls.v[j].name);
			comma = ",";
		}
		putchar('\n');
	}
	links_free(&ls);
	netlink_close(&nl);
	flush_stdout();
	return 0;
}
