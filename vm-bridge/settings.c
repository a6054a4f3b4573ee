/* SPDX-License-Identifier: ISC */
/* The settings of bridges that we make; the contracts are in settings.h. */
#include "vm-bridge/settings.h"

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
	return attrs_given(&bridge_settings, s, "vlan") || attrs_given(&bridge_settings, s, "pvid");
}
