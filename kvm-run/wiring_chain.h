/* SPDX-License-Identifier: ISC */
/* What the descriptors of an image's wire (blk, as=qcow2) are: its layers and their data files. */
#ifndef KVM_RUN_WIRING_CHAIN_H
#define KVM_RUN_WIRING_CHAIN_H

#include "common/why.h"
#include "common/wire.h"

struct wiring_chain {
	size_t nlayers; /* the top is layer 0 */
	/* Of each layer: */
	size_t place[WIRE_FDS_MAX];    /* of the image in the wire's list */
	size_t data[WIRE_FDS_MAX];     /* of its data file, right behind it; 0: none */
	char format[WIRE_FDS_MAX][16]; /* fmt=, else qcow2 */
};

/* From fd=, fmt= and data=. NULL, or what is wrong with them ("data=5: ..."). */
const char *wiring_chain(const struct wire *w, struct wiring_chain *c, struct why *why);

/* Faults of a blk wire's chain; `own`: of what kvm-run itself does not offer, too. */
void wiring_check_chain(const struct wires *ws, const struct wire *w, bool own, struct wire_faults *f);

#endif
