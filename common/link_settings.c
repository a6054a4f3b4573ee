/* SPDX-License-Identifier: ISC */
/* What bridges and their ports can be told. */
#include <linux/if_link.h>

#include "common/link.h"
#include "common/util.h"

/* The ranges are the kernel's; of those that depend on stp (forward-delay is 2 to 30 with it) the kernel has the last word. */
static const struct attr of_bridge[] = {
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

/* By the words of bridge(8). */
static const struct attr of_port[] = {
    {"isolated", IFLA_BRPORT_ISOLATED, 1, ATTR_SWITCH, 0, 1},
    {"hairpin", IFLA_BRPORT_MODE, 1, ATTR_SWITCH, 0, 1},
    {"learning", IFLA_BRPORT_LEARNING, 1, ATTR_SWITCH, 0, 1},
    {"flood", IFLA_BRPORT_UNICAST_FLOOD, 1, ATTR_SWITCH, 0, 1},
    {"mcast_flood", IFLA_BRPORT_MCAST_FLOOD, 1, ATTR_SWITCH, 0, 1},
    {"bcast_flood", IFLA_BRPORT_BCAST_FLOOD, 1, ATTR_SWITCH, 0, 1},
    {"guard", IFLA_BRPORT_GUARD, 1, ATTR_SWITCH, 0, 1},
    {"root_block", IFLA_BRPORT_PROTECT, 1, ATTR_SWITCH, 0, 1},
    {"fastleave", IFLA_BRPORT_FAST_LEAVE, 1, ATTR_SWITCH, 0, 1},
    {"neigh_suppress", IFLA_BRPORT_NEIGH_SUPPRESS, 1, ATTR_SWITCH, 0, 1},
    {"cost", IFLA_BRPORT_COST, 4, ATTR_NUMBER, 1, 65535},
    {"priority", IFLA_BRPORT_PRIORITY, 2, ATTR_NUMBER, 0, 63},
};

_Static_assert(ARRAY_LEN(of_bridge) <= ATTRS_MAX && ARRAY_LEN(of_port) <= ATTRS_MAX, "room for the settings");

const struct attr_table bridge_settings = {of_bridge, ARRAY_LEN(of_bridge)};
const struct attr_table port_settings = {of_port, ARRAY_LEN(of_port)};
