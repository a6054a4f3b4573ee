/* SPDX-License-Identifier: ISC */
/* Router advertisements (RFC 4861, with RFC 4191 and 8106) as bytes, and the solicitations that ask for them. */
#ifndef VM_DHCPD_RA_PACKET_H
#define VM_DHCPD_RA_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RA_PACKET_MAX 1232 /* what every link carries: 1280 less the IPv6 header */

/* Lifetimes of prefixes, seconds: what vanishes without a word is preferred no more in hours, not in RFC 4861's week. */
#define RA_VALID 86400
#define RA_PREFERRED 14400

struct ra_prefix {
	struct in6_addr prefix; /* bits beyond len are 0 */
	unsigned len;
	uint32_t valid, preferred; /* seconds */
};

struct ra {
	bool other;	   /* there is more to be had by DHCPv6 (O) */
	unsigned lifetime; /* seconds as default router; 0: none */
	uint8_t mac[6];
	uint32_t mtu;
	const struct ra_prefix *prefixes, *routes; /* a route's lifetime is its `valid` */
	size_t nprefixes, nroutes;
	const struct in6_addr *dns;
	size_t ndns;
	const uint8_t *search; /* names as of RFC 1035 one after the other, uncompressed */
	size_t search_len;
	uint32_t dns_lifetime; /* of name servers and search list, seconds */
};

/* Writes the ICMPv6 message, its checksum 0, for the kernel to fill in. Options that do not fit are left out, the last
 * first. Returns the length. */
size_t ra_put(uint8_t out[RA_PACKET_MAX], const struct ra *r);

/* An ICMPv6 message, whose checksum was good, is a router solicitation that has to be heeded (RFC 4861, 6.1.1). */
bool ra_is_solicitation(const uint8_t *p, size_t len, const struct in6_addr *from, int hop_limit);

#endif
