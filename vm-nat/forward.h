/* SPDX-License-Identifier: ISC */
/* Port forwards: -p. */
#ifndef VM_NAT_FORWARD_H
#define VM_NAT_FORWARD_H

#include "common/address.h"

#define FORWARD_TEXT_MAX 160 /* of forward_format, with its NUL */

struct forward {
	bool udp;
	union address host; /* with the first port; the "any" address is every one of this host's */
	uint16_t last;	    /* port of the host */
	union address guest;
};

/*
 * [tcp:|udp:][HOSTADDR:]PORT[-PORT]:GUESTADDR[:PORT[-PORT]]. Without HOSTADDR, and for "*", it is every address of this
 * host's of the guest's family. IPv6 addresses stand in brackets. Without a guest's port it is the host's. Pure. On failure
 * false with *why a static text.
 */
bool forward_parse(struct forward *f, const char *spec, const char **why);

/* Three fields, "tcp\t*:8080-8089\t10.0.0.2:8080-8089". */
void forward_format(const struct forward *f, char buf[FORWARD_TEXT_MAX]);

/* Some packet could be meant by both. */
bool forward_overlaps(const struct forward *a, const struct forward *b);

/* A program of this host waits for what the forward would take from it: its port, else 0. */
uint16_t forward_hides(const struct forward *f);

#endif
