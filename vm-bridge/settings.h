/* SPDX-License-Identifier: ISC */
/* The settings of bridges that we make. */
#ifndef VM_BRIDGE_SETTINGS_H
#define VM_BRIDGE_SETTINGS_H

#include "common/link.h"

/* What a bridge has that was not told otherwise: no spanning tree, and so no delay before frames pass. */
void settings_default(struct attrs *s);

/* Whether one of them is about VLANs, which not every kernel's bridges know. */
bool settings_need_vlan(const struct attrs *s);

#endif
