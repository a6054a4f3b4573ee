/* SPDX-License-Identifier: ISC */
/* The values of a wire's keys, but those that name what is behind descriptors: as= (wiring.h) and fmt=, data= (wiring_chain.h). */
#ifndef KVM_RUN_WIRING_KEYS_H
#define KVM_RUN_WIRING_KEYS_H

#include "common/wire.h"

/* Faults of each value that its key cannot have. */
void wiring_check_keys(const struct wire *w, struct wire_faults *f);

#endif
