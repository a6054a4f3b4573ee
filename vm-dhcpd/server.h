/* SPDX-License-Identifier: ISC */
/* The DHCPv4 server: what its files share. */
#ifndef VM_DHCPD_SERVER_H
#define VM_DHCPD_SERVER_H

#include "common/timer.h"
#include "vm-dhcpd/event.h"
#include "vm-dhcpd/journal.h"
#include "vm-dhcpd/leaselog.h"
#include "vm-dhcpd/link.h"
#include "vm-dhcpd/message.h"
#include "vm-dhcpd/probe.h"
#include "vm-dhcpd/service.h"
#include "vm-dhcpd/subnet.h"

#define OFFER_SECONDS 30    /* an offer is held */
#define SHORT_SECONDS 300   /* leases when addresses run short, so that a flood of clients is over one day */
#define OUTBOX_SIZE (64 << 10)

/* A request, and where it came from. */
struct request {
	struct message message;
	uint8_t mac[6];	     /* of the frame: the client, or the relay or router before it */
	struct in_addr src;
	const struct subnet *subnet; /* the client's; NULL: none of ours */
	uint8_t key[KEY_MAX];
	size_t key_len;
	char name[NAME_MAX_LEN + 1]; /* that the client gives itself; or empty */
	const struct guest *guest;   /* that it is, if an address is set aside for it */
	uint32_t own;		     /* that address, if it can be had here and now; else 0 */
	const uint8_t *bytes;	     /* the message as it came, for who wants to handle it again */
	size_t len;
};

struct server {
	struct dhcpd *d;
	const struct options *o;
	struct link link;
	struct subnets subnets;
	struct journal journal;
	struct leaselog log;
	struct events events;
	struct probes probes;
	struct timer timer;
	int64_t timer_at;	/* of lease_clock */
	int64_t nameservers_at; /* of timer_now, when they were read */
	struct request request;
	bool short_told;
	size_t out_len;	    /* answers that wait until their leases are on the disk */
	uint8_t out[OUTBOX_SIZE];
};

/* server.c: what is said to a request in s->request. */
void server_handle(struct server *s);

/* choose.c: the client's lease, old or new, in s->request.subnet. NULL when there is no address left. */
struct lease *choose_lease(struct server *s, const struct request *r, struct in_addr wish);

/* Sets r->own. */
void choose_own(const struct server *s, struct request *r);

/* Whether a client may have this address at all: it is one of the subnet's, and not another's by the options. */
bool choose_allows(const struct server *s, const struct request *r, uint32_t addr);

/* compose.c: an answer of `type`, with the lease unless that is NULL, in buf, behind IPV4_HEAD bytes. Its length. */
size_t compose(struct server *s, uint8_t *buf, enum message_type type, const struct lease *l, uint32_t seconds);

/* dhcp4.c: the fate of a lease, in memory, in the log and as an event, which both wait for server_settle. */
void server_bind(struct server *s, struct lease *l, uint32_t seconds);
void server_release(struct server *s, struct lease *l);
void server_set_aside(struct server *s, struct lease *l, const char *event);

/* An answer that waits until the log is on the disk; one that need not. buf as compose left it. */
void server_answer_later(struct server *s, const uint8_t *buf, size_t len, const struct station *to, uint16_t port);

/* Writes the log, then sends what waited for it. */
void server_settle(struct server *s);

#endif
