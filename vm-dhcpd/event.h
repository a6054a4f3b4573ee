/* SPDX-License-Identifier: ISC */
/* What happens to leases, a line each on stdout. A reader who is slow or gone never delays the server. */
#ifndef VM_DHCPD_EVENT_H
#define VM_DHCPD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/loop.h"

struct events {
	struct watch watch;
	size_t start, sure, end; /* of what is not written yet; behind `sure` it is not certain yet to have happened */
	unsigned lost;		 /* had no room */
	bool gone;		 /* nobody reads */
	char buf[16 << 10];
};

/* "bound\t1700000000\t52:54:00:12:34:56\t10.0.0.5\tname\n": the name is empty when the guest gave none. addr in host order. */
void event_add(struct events *e, const char *what, const uint8_t mac[6], uint32_t addr, const char *name);

/* What was added since the last call did happen, or did not. Writes what did, as far as it is taken, now and later in the loop. */
void event_settle(struct events *e, struct loop *loop, bool happened);

#endif
