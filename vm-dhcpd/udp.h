/* SPDX-License-Identifier: ISC */
/* UDP on one interface, answered from the address that was asked. */
#ifndef VM_DHCPD_UDP_H
#define VM_DHCPD_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define UDP_PACKET_MAX 1500 /* bytes of a packet that is received; what is longer is dropped */

union udp_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Who sent a packet and how it is answered: by the same socket, from the address it was sent to. Plain data. */
struct udp_peer {
	int fd;
	union udp_address address; /* every byte is set: may be compared with memcmp */
	bool group; /* it was sent to a multicast or broadcast address: then we answer from what the kernel chooses */
	/* A control message that says where from; empty for a group. */
	_Alignas(size_t) uint8_t local[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	size_t local_len;
};

/* Whether this kernel has IPv6. */
bool udp_has_ipv6(void);

/* A socket bound to a port of the interface, IPv4 (AF_INET) or IPv6 alone, beside servers of other interfaces if `shared`
 * (and they are willing too). Dies on failure, naming the port. */
int udp_open(int family, uint16_t port, const char *ifname, bool shared);

/* Hands every packet that waits, up to a batch, to `handle`, which may write to it. */
void udp_receive(int fd, void (*handle)(void *arg, const struct udp_peer *from, uint8_t *packet, size_t len), void *arg);

/*
 * Sends what the iov holds as one packet, or, where `segment` is not 0, as packets of that many bytes, the last perhaps
 * shorter (UDP_SEGMENT of Linux 4.18: at most 64 of them, 65507 bytes). False with errno.
 */
bool udp_send(const struct udp_peer *to, struct iovec *iov, size_t niov, unsigned segment);

/* As text, without the port. */
void udp_address_text(const union udp_address *a, char text[INET6_ADDRSTRLEN]);

#endif
