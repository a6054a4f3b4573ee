/* SPDX-License-Identifier: ISC */
/* What would be done; the contract is in plan.h. */
#include <unistd.h>

#include "common/print.h"
#include "vm-tap/macvtap.h"
#include "vm-tap/plan.h"
#include "vm-tap/tap.h"

static void
check_macvtap(struct netlink *nl, const struct want *w, const struct link *have)
{
	struct link lower;

	macvtap_lower(nl, w, &lower);
	if (have)
		compare_macvtap(w, &lower, have);
}

static void
check_tap(struct netlink *nl, const struct options *o, const struct link *have)
{
	close(tap_open_tun());
	if (have)
		(o->mode == MODE_ADD ? compare_added : compare_opened)(nl, &o->want, have);
}

void
plan(struct netlink *nl, const struct options *o)
{
	struct printer p = {.form = PRINT_KEYS};
	const struct want *w = &o->want;
	struct link have, bridge;
	bool there = tap_there(nl, w, &have);

	if (w->bridge)
		link_get_bridge(nl, w->bridge, &bridge);
	if (w->lower)
		check_macvtap(nl, w, there ? &have : NULL);
	else
		check_tap(nl, o, there ? &have : NULL);
	print_word(&p, there ? "there" : "make", w->name ? w->name : w->lower ? MACVTAP_NAME : TAP_NAME);
	print_word(&p, "kind", w->lower ? "macvtap" : "tap");
	if (w->bridge || w->lower)
		print_word(&p, "on", w->bridge ? w->bridge : w->lower);
	if (w->has_mac)
		print_mac(&p, "mac", w->mac);
	if (there || w->mtu || !w->lower)
		print_number(&p, "mtu", there ? have.mtu : tap_mtu(w, w->bridge ? &bridge : NULL));
	print_number(&p, "queues", w->queues);
}
