/* SPDX-License-Identifier: ISC */
/* Stateless DHCPv6 (RFC 8415, 6.1): an Information-request and its Reply, as bytes. */
#ifndef VM_DHCPD_DHCP6_PACKET_H
#define VM_DHCPD_DHCP6_PACKET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-dhcpd/pxe.h"

#define DHCP6_PACKET_MAX 1232 /* what every link carries, with its headers: 1280 */
#define DHCP6_DUID_LEN 10

struct dhcp6 {
	uint8_t duid[DHCP6_DUID_LEN]; /* the server's: dhcp6_make_duid */
	const struct in6_addr *dns, *ntp;
	size_t ndns, nntp;
	const uint8_t *search; /* names as of RFC 1035 one after the other, uncompressed */
	size_t search_len;
	uint32_t refresh;      /* seconds until clients ask again */
	const struct pxe *pxe; /* NULL: nobody boots from here */
	struct in6_addr host;  /* an address of ours for URLs of TFTP; :: where there is none */
};

/* DUID-LL (RFC 8415, 11.4): the same after a restart, without anything to be kept. */
void dhcp6_make_duid(uint8_t duid[DHCP6_DUID_LEN], const uint8_t mac[6]);

/* Answers a packet. Returns the Reply's length, or 0: it is not for us, is no Information-request or is broken. */
size_t dhcp6_answer(uint8_t out[DHCP6_PACKET_MAX], const struct dhcp6 *d, const uint8_t *packet, size_t len);

#endif
