/* SPDX-License-Identifier: ISC */
/* What a wire may not be beside the others. */
#ifndef KVM_RUN_WIRING_PLACE_H
#define KVM_RUN_WIRING_PLACE_H

#include "common/wire.h"

/* Faults of w among ws; an earlier wire is right, the later one is at fault. */
void wiring_check_place(const struct wires *ws, const struct wire *w, struct wire_faults *f);

#endif
