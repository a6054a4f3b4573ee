/* SPDX-License-Identifier: ISC */
/* What bridges are told; the contracts are in settings.h. */
#include "vm-bridge/settings.h"

bool
settings_need_vlan(const struct attrs *s)
{
	return attrs_given(&bridge_settings, s, "vlan") || attrs_given(&bridge_settings, s, "pvid");
}
