/* SPDX-License-Identifier: ISC */
/* What the forms of a cable share. */
#ifndef COMMON_CABLE_FORM_H
#define COMMON_CABLE_FORM_H

#include "common/cable.h"

#define CABLE_HEADER 18 /* Ethernet with a VLAN tag */

struct cable_ops {
	bool (*receive)(struct cable *c, frame_handler *handle, void *arg);
	void (*send)(struct cable *c, const struct offload *facts, const struct iovec frame[2]);
	bool (*flush)(struct cable *c);
	void (*close)(struct cable *c); /* frees what is in state, and it */
	bool (*crowded)(const struct cable *c);
	const char *(*offload)(struct cable *c, bool accept); /* or NULL: it carries plain frames only */
};

/* Whether a failed read or write may work later. */
bool cable_would_block(int err);

/* cable_open for one form; of a tap TUNGETIFF gave ifr. */
struct ifreq;
const char *cable_open_packet(struct cable *c);
const char *cable_open_tap(struct cable *c, const struct ifreq *ifr);

#endif
