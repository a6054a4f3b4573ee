/* SPDX-License-Identifier: ISC */
/* What is there already against what is wanted; the contracts are in tap.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "vm-tap/tap.h"

static _Noreturn void PRINTF(2, 3)
differs(const struct link *have, const char *fmt, ...)
{
	char how[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(how, sizeof(how), fmt, ap);
	va_end(ap);
	die("%s: there already, and it differs: %s", have->name, how);
}

static void
compare_id(const struct link *have, const char *what, int64_t is, bool given, unsigned want)
{
	if (!given || is == (int64_t)want)
		return;
	if (is < 0)
		differs(have, "its %s is nobody, not %u", what, want);
	differs(have, "its %s is %lld, not %u", what, (long long)is, want);
}

static void
compare_tap(const struct want *w, const struct link *have)
{
	if (!link_is_tap(have))
		die("%s: there already, and no tap", have->name);
	if (have->tun.info)
		differs(have, "its frames have the packet information of old");
	compare_id(have, "owner", have->tun.owner, w->has_owner, w->owner);
	compare_id(have, "group", have->tun.group, w->has_group, w->group);
}

static void
compare_bridge(struct netlink *nl, const struct want *w, const struct link *have)
{
	struct link bridge;
	char why[80];

	if (!w->bridge)
		return;
	link_get_bridge(nl, w->bridge, &bridge);
	if (have->master != bridge.index)
		differs(have, "it is not on %s", w->bridge);
	if (attrs_differ(&port_settings, &w->port, &have->port, why, sizeof(why)))
		differs(have, "%s", why);
}

static void
compare_rest(struct netlink *nl, const struct want *w, const struct link *have)
{
	if (w->mtu && w->mtu != have->mtu)
		differs(have, "its MTU is %u", have->mtu);
	compare_bridge(nl, w, have);
	if (!(have->flags & IFF_UP))
		differs(have, "it is down");
}

void
compare_added(struct netlink *nl, const struct want *w, const struct link *have)
{
	compare_tap(w, have);
	if (!have->tun.persistent)
		differs(have, "it goes with the process that has it open");
	if (have->tun.header == w->plain)
		differs(have, "vnet_hdr is %s", have->tun.header ? "on" : "off");
	if (have->tun.many != (w->queues > 1))
		differs(have, "it has %s", have->tun.many ? "several queues" : "one queue");
	if (w->has_mac && memcmp(w->mac + 1, have->mac + 1, 5))
		differs(have, "its MAC address");
	compare_rest(nl, w, have);
}

/* Its queues are opened as it was made, if that will do; the guest's address is the guest's. Two programs would share its frames. */
void
compare_opened(struct netlink *nl, const struct want *w, const struct link *have)
{
	compare_tap(w, have);
	if (have->carrier)
		die("%s: some process has it open already", have->name);
	if (w->plain && have->tun.header)
		differs(have, "vnet_hdr is on");
	if (w->queues > 1 && !have->tun.many)
		differs(have, "it has one queue");
	compare_rest(nl, w, have);
}

void
compare_macvtap(const struct want *w, const struct link *lower, const struct link *have)
{
	if (!link_is_macvtap(have))
		die("%s: there already, and no macvtap", have->name);
	if (have->lower != lower->index)
		differs(have, "it is not %s's", lower->name);
	if (have->mode != w->mode)
		differs(have, "its mode");
	if (w->mtu && w->mtu != have->mtu)
		differs(have, "its MTU is %u", have->mtu);
	if (w->has_mac && memcmp(w->mac, have->mac, 6))
		differs(have, "its MAC address");
	if (!(have->flags & IFF_UP))
		differs(have, "it is down");
}
