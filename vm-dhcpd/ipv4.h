/* SPDX-License-Identifier: ISC */
/* Frames of IPv4 and ARP: what of them concerns a DHCP server, and how it makes its own. Pure: no descriptor, any bytes. */
#ifndef VM_DHCPD_IPV4_H
#define VM_DHCPD_IPV4_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define IPV4_HEAD 42 /* before the data of a UDP datagram: Ethernet, IPv4 without options, UDP */
#define ARP_SIZE 42
#define ECHO_SIZE 42
#define PORT_SERVER 67
#define PORT_CLIENT 68

enum packet_kind {
	PACKET_OTHER,
	PACKET_UDP,	    /* with a good header; its checksum is not looked at, a guest may have left it to its card */
	PACKET_ARP_REQUEST, /* who has dst? */
	PACKET_ARP_REPLY,   /* src is at mac */
	PACKET_ECHO_REPLY,  /* of ping */
};

struct packet {
	enum packet_kind kind;
	const uint8_t *mac; /* who sent the frame */
	struct in_addr src, dst;
	uint16_t sport, dport; /* UDP; of an echo dport is the identifier */
	const uint8_t *data;   /* UDP's, within the frame */
	size_t len;
};

void packet_parse(struct packet *p, const uint8_t *frame, size_t len);

/* Of whoever sends. */
struct station {
	uint8_t mac[6];
	struct in_addr addr;
};

/*
 * Writes the IPV4_HEAD bytes before len bytes of data, which stand behind them already: the checksum covers them. Returns the
 * length of the frame.
 */
size_t udp_frame(uint8_t *frame, size_t len, const struct station *from, const struct station *to, uint16_t sport, uint16_t dport);

/* Who has addr? Asked as one who has none yet (RFC 5227, 2.1.1), so that no cache learns it. Returns ARP_SIZE. */
size_t arp_probe_frame(uint8_t *frame, const uint8_t mac[6], struct in_addr addr);

/* addr, ours, is at our MAC. Returns ARP_SIZE. */
size_t arp_reply_frame(uint8_t *frame, const struct station *from, const struct station *to);

/* A ping. Returns ECHO_SIZE. */
size_t echo_frame(uint8_t *frame, const struct station *from, const struct station *to, uint16_t id);

#endif
