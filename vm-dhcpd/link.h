/* SPDX-License-Identifier: ISC */
/*
 * How the server reaches its clients: frames of an interface or of a wire, or UDP datagrams of a socket it was handed.
 * What is sent is queued up to link_flush.
 */
#ifndef VM_DHCPD_LINK_H
#define VM_DHCPD_LINK_H

#include "common/cable.h"
#include "common/timer.h"
#include "vm-dhcpd/iface.h"
#include "vm-dhcpd/ipv4.h"

struct link {
	struct watch watch;
	bool udp;	  /* a UDP socket bound to port 67 */
	bool iface;	  /* an interface, whose kernel answers ARP for us */
	struct cable cable; /* else */
	struct station own; /* the server's address on this link */
	struct in_addr broadcast; /* of its network */
	unsigned ifindex;
	struct timer look; /* after it went down */
	uint16_t echo_id; /* of our pings */
	unsigned frames;  /* of the last receive */

	/* What came in: PACKET_UDP for port 67, PACKET_ARP_REPLY and PACKET_ECHO_REPLY. */
	void (*arrived)(struct link *l, const struct packet *p);
	/* All that was there has been handed on: now flush. */
	void (*idle)(struct link *l);
	/* The interface or the other end is gone. */
	void (*gone)(struct link *l);
};

/*
 * Opens packets of an interface (rights are needed), with port 67 of the host taken as well, so that no ICMP "port unreachable"
 * answers our clients; or takes a descriptor. Die with a reason. The functions above are set by the caller before packets
 * come; link_start begins that.
 */
void link_open_iface(struct link *l, const struct iface *f, struct loop *loop);
void link_open_fd(struct link *l, int fd);
void link_start(struct link *l, struct loop *loop);

/* Takes it out of the loop. A descriptor that was handed over stays open. */
void link_close(struct link *l);

/* A message of len bytes, that stands in buf behind IPV4_HEAD bytes of room. */
void link_send(struct link *l, uint8_t *buf, size_t len, const struct station *to, uint16_t port);

/* Asks whether somebody has the address: here, or (mac not NULL) behind the relay or router with that MAC. False: cannot. */
bool link_probe(struct link *l, struct in_addr addr, const uint8_t *mac);

void link_flush(struct link *l);

#endif
