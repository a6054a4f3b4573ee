/* SPDX-License-Identifier: ISC */
/* What a bridge can be told: the words of -O and of show. */
#ifndef VM_BRIDGE_SETTINGS_H
#define VM_BRIDGE_SETTINGS_H

#include "common/attrs.h"

extern const struct attr_table bridge_settings;

/* What a bridge has that was not told otherwise: no spanning tree, and so no delay before frames pass. */
void settings_default(struct attrs *s);

/* Whether one of them is about VLANs, which not every kernel's bridges know. */
bool settings_need_vlan(const struct attrs *s);

#endif
