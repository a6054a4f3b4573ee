/* SPDX-License-Identifier: ISC */
/* The list of taps; the contract is in list.h. */
#include <net/if.h>
#include <stdio.h>

#include "vm-tap/link.h"
#include "vm-tap/list.h"

/* The name of an interface, or "-" for none. */
static const char *
name_of(int index, char buf[IFNAMSIZ])
{
	return index && if_indextoname((unsigned)index, buf) ? buf : "-";
}

static void
print_id(int64_t id)
{
	if (id < 0)
		fputs("\t-", stdout);
	else
		printf("\t%lld", (long long)id);
}

static void
print(const struct link *l, void *arg)
{
	bool tap = link_is_tap(l);
	char buf[IFNAMSIZ];

	(void)arg;
	if (!tap && !link_is_macvtap(l))
		return;
	printf("%s\t%s\t%s", l->name, tap ? "tap" : "macvtap", name_of(tap ? l->master : l->lower, buf));
	print_id(tap ? l->tun.owner : -1);
	print_id(tap ? l->tun.group : -1);
	printf("\t%u\t%02x:%02x:%02x:%02x:%02x:%02x\t%s\t%s\n", l->mtu, l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4],
	    l->mac[5], l->flags & IFF_UP ? "up" : "down", !tap ? "-" : l->held ? "open" : "free");
}

void
list(struct netlink *nl)
{
	link_each(nl, print, NULL);
}
