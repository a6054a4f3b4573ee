/* SPDX-License-Identifier: ISC */
/* The list of taps; the contract is in list.h. */

#include "common/print.h"
#include "common/link.h"
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
print(struct printer *p, const struct links *all, const struct link *l)
{
	bool tap = link_is_tap(l);
	const struct link *on = links_by_index(all, tap ? l->master : l->lower);

	print_begin(p);
	print_word(p, "name", l->name);
	print_word(p, "kind", tap ? "tap" : "macvtap");
	print_maybe(p, "on", on ? on->name : NULL);
	print_id(p, "owner", tap ? l->tun.owner : -1);
	print_id(p, "group", tap ? l->tun.group : -1);
	print_number(p, "mtu", l->mtu);
	print_mac(p, "mac", l->mac);
	print_word(p, "state", l->flags & IFF_UP ? "up" : "down");
	print_maybe(p, "use", !tap ? NULL : l->carrier ? "open" : "free");
	print_end(p);
}

void
list(struct netlink *nl, bool json)
{
	struct printer p = {.form = json ? PRINT_JSON : PRINT_ROWS};
	struct links all = {0};

	links_load(nl, &all);
	for (size_t i = 0; i < all.n; i++)
		if (link_is_tap(&all.v[i]) || link_is_macvtap(&all.v[i]))
			print(&p, &all, &all.v[i]);
	links_free(&all);
}
