/* SPDX-License-Identifier: ISC */
/* What bridges are told. */
#ifndef VM_BRIDGE_SETTINGS_H
#define VM_BRIDGE_SETTINGS_H

#include "common/link.h"

/* Whether one of them is about VLANs, which not every kernel's bridges know. */
bool settings_need_vlan(const struct attrs *s);

#endif
