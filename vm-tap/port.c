/* SPDX-License-Identifier: ISC */
/* The settings of a bridge's port, by the words of bridge(8). */
#include <linux/if_link.h>

#include "common/util.h"
#include "vm-tap/port.h"

static const struct attr table[] = {
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
_Static_assert(ARRAY_LEN(table) <= ATTRS_MAX, "settings of a port");

const struct attr_table port_settings = {table, ARRAY_LEN(table)};
