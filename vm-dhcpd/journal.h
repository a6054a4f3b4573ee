/* SPDX-License-Identifier: ISC */
/* Leases as the log has them, and back. */
#ifndef VM_DHCPD_JOURNAL_H
#define VM_DHCPD_JOURNAL_H

#include "vm-dhcpd/lease.h"
#include "vm-dhcpd/record.h"

#define ASIDE_SECONDS 600 /* an address that somebody else uses is left alone */

struct journal {
	struct leases leases;
	int64_t epoch; /* seconds since 1970 at 0 of lease_clock, when it was begun */
};

void journal_init(struct journal *j);

/* What the log says of a lease, which is not merely offered, as the time of day is now. */
struct record journal_record(const struct lease *l);

/* A record of the log, a struct journal's: what an earlier one said of this address, or of this client, is void. */
void journal_replay(void *arg, const struct record *r);

/* The address is nobody's up to then. */
struct lease *journal_set_aside(struct journal *j, uint32_t addr, int64_t until);

#endif
