/* SPDX-License-Identifier: ISC */
/* Which port an address was last heard on (IEEE 802.1Q-2018, 8.8): a table of fixed size, whatever guests may send. */
#ifndef VM_BRIDGE_MACS_H
#define VM_BRIDGE_MACS_H

#include <stddef.h>
#include <stdint.h>

#define MACS_SETS 1024
#define MACS_WAYS 4
#define MACS_AGE 300 /* seconds; 802.1Q, table 8-6 */

struct macs {
	uint64_t seed; /* so that nobody can tell which addresses share a set */
	struct mac {
		uint8_t addr[6];
		uint16_t port;
		uint32_t seen; /* 0: a free place */
	} v[MACS_SETS][MACS_WAYS];
};

/* It was heard on the port at `now`, in seconds of a clock that never goes back and is above MACS_AGE. In a full set the oldest gives way. */
void macs_learn(struct macs *m, const uint8_t addr[6], uint16_t port, uint32_t now);

/* Its port, or -1 when it was not heard for MACS_AGE. */
int macs_find(const struct macs *m, const uint8_t addr[6], uint32_t now);

/* The port is gone: so are its addresses. */
void macs_forget(struct macs *m, uint16_t port);

/* How many addresses are known to be on the port. */
size_t macs_count(const struct macs *m, uint16_t port, uint32_t now);

#endif
