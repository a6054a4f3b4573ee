/* SPDX-License-Identifier: ISC */
/* What the forms of a cable share. */
#ifndef VM_SLIRP_CABLE_FORM_H
#define VM_SLIRP_CABLE_FORM_H

#include "vm-slirp/cable.h"

struct cable_ops {
	bool (*receive)(struct cable *c, frame_handler *handle, void *arg);
	void (*send)(struct cable *c, const void *frame, size_t len);
	bool (*flush)(struct cable *c);
};

/* Zeroed; dies when there is none. */
void *cable_allocate(size_t n);

/* Whether a failed read or write may work later. */
bool cable_would_block(int err);

/* cable_open for a tap, whose TUNGETIFF gave ifr. */
struct ifreq;
const char *cable_open_tap(struct cable *c, const struct ifreq *ifr);

#endif
