/* SPDX-License-Identifier: ISC */
/*
 * Whether somebody who did not ask us has an address already. The question goes out by ARP (a relay's network: by ping); the
 * client's DISCOVER waits here for the answer, while others are served.
 */
#ifndef VM_DHCPD_PROBE_H
#define VM_DHCPD_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/timer.h"

#define PROBES_MAX 256 /* at once; beyond that clients come first, as in a flood of them */

struct probe {
	TAILQ_ENTRY(probe) queue;
	uint32_t addr; /* host order */
	int64_t due;   /* of timer_now */
	uint8_t mac[6]; /* as in struct request */
	struct in_addr src;
	size_t len;
	uint8_t bytes[]; /* the DISCOVER */
};

struct server;

struct probes {
	struct server *server;
	struct timer timer;
	TAILQ_HEAD(, probe) queue; /* the first is due first */
	size_t count;
};

void probes_open(struct probes *p, struct server *s);
void probes_close(struct probes *p);

/* Asks for the address that was chosen for s->request. False: it cannot be asked for, so it is as good as free. */
bool probe_begin(struct probes *p, uint32_t addr);

/* An answer came from addr, by whoever has that MAC (NULL: unknown): the DISCOVER that waits gets another address. */
void probe_answered(struct probes *p, uint32_t addr, const uint8_t *mac);

#endif
