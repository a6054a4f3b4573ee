/* SPDX-License-Identifier: ISC */
/* The settings of a bridge; the contracts are in settings.h. */
#include <linux/if_link.h>

#include "common/util.h"
#include "vm-bridge/settings.h"

/* The ranges are the kernel's; of those that depend on stp (forward-delay is 2 to 30 with it) the kernel has the last word. */
static const struct attr table[] = {
    {"stp", IFLA_BR_STP_STATE, 4, ATTR_SWITCH, 0, 1},
    {"forward-delay", IFLA_BR_FORWARD_DELAY, 4, ATTR_SECONDS, 0, 30},
    {"hello", IFLA_BR_HELLO_TIME, 4, ATTR_SECONDS, 1, 10},
    {"max-age", IFLA_BR_MAX_AGE, 4, ATTR_SECONDS, 6, 40},
    {"ageing", IFLA_BR_AGEING_TIME, 4, ATTR_SECONDS, 0, 1000000},
    {"priority", IFLA_BR_PRIORITY, 2, ATTR_NUMBER, 0, UINT16_MAX},
    {"snooping", IFLA_BR_MCAST_SNOOPING, 1, ATTR_SWITCH, 0, 1},
    {"querier", IFLA_BR_MCAST_QUERIER, 1, ATTR_SWITCH, 0, 1},
    {"vlan", IFLA_BR_VLAN_FILTERING, 1, ATTR_SWITCH, 0, 1},
    {"pvid", IFLA_BR_VLAN_DEFAULT_PVID, 2, ATTR_NUMBER, 0, 4094},
    {"group-fwd-mask", IFLA_BR_GROUP_FWD_MASK, 2, ATTR_NUMBER, 0, 0xfff8},
};
_Static_assert(ARRAY_LEN(table) <= ATTRS_MAX, "settings");

const struct attr_table bridge_settings = {table, ARRAY_LEN(table)};

void
settings_default(struct attrs *s)
{
	attrs_default(&bridge_settings, s, "stp", 0);
	if (!attrs_value(&bridge_settings, s, "stp"))
		attrs_default(&bridge_settings, s, "forward-delay", 0);
}

bool
settings_need_vlan(const struct attrs *s)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (s->given & 1U << i && (table[i].type == IFLA_BR_VLAN_FILTERING || table[i].type == IFLA_BR_VLAN_DEFAULT_PVID))
			return true;
	return false;
}
