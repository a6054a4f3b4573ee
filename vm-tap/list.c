/* SPDX-License-Identifier: ISC */
/* The list of taps; the contract is in list.h. */
#include <net/if.h>

#include "common/print.h"
#include "vm-tap/link.h"
#include "vm-tap/list.h"

/* What there may be none of: in a row its place stays. */
static void
print_maybe(struct printer *p, const char *key, const char *value)
{
	if (value || p->form == PRINT_ROWS)
		print_word(p, key, value ? value : "-");
}

static void
print_id(struct printer *p, const char *key, int64_t id)
{
	if (id < 0)
		print_maybe(p, key, NULL);
	else
		print_number(p, key, (uint64_t)id);
}

static void
print(const struct link *l, void *arg)
{
	struct printer *p = arg;
	bool tap = link_is_tap(l);
	int on = tap ? l->master : l->lower;
	char name[IFNAMSIZ];

	if (!tap && !link_is_macvtap(l))
		return;
	print_begin(p);
	print_word(p, "name", l->name);
	print_word(p, "kind", tap ? "tap" : "macvtap");
	print_maybe(p, "on", on ? if_indextoname((unsigned)on, name) : NULL);
	print_id(p, "owner", tap ? l->tun.owner : -1);
	print_id(p, "group", tap ? l->tun.group : -1);
	print_number(p, "mtu", l->mtu);
	print_mac(p, "mac", l->mac);
	print_word(p, "state", l->flags & IFF_UP ? "up" : "down");
	print_maybe(p, "use", !tap ? NULL : l->held ? "open" : "free");
	print_end(p);
}

void
list(struct netlink *nl, bool json)
{
	struct printer p = {.form = json ? PRINT_JSON : PRINT_ROWS};

	link_each(nl, print, &p);
}
