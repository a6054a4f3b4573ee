/* SPDX-License-Identifier: ISC */
/* The guest's network, as libslirp is to make it. */
#ifndef VM_SLIRP_NETWORK_H
#define VM_SLIRP_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define SEARCH_MAX 16
#define MTU_MIN 576
#define MTU_MAX 65521 /* libslirp's IF_MTU_MAX */

struct network {
	bool in4, in6;
	struct in_addr host, mask; /* the network is host & mask */
	struct in_addr first;	   /* first address leased; 0 = default */
	struct in_addr dns;	   /* 0 = default */
	bool no_dns, no_dhcp;
	struct in6_addr host6, dns6;
	unsigned prefix_len;
	struct sockaddr_in outbound; /* sin_family 0: not set */
	struct sockaddr_in6 outbound6;
	bool restricted;  /* nothing out but what is forwarded */
	bool no_loopback; /* the host's own loopback is out of reach */
	const char *hostname, *domain;
	const char *search[SEARCH_MAX + 1]; /* NULL at the end */
	const char *tftp_dir, *tftp_name, *bootfile;
	size_t mtu;
};

/* QEMU's: 10.0.2.2/24 and fec0::2/64, both on. */
void network_init(struct network *n);

/* The words of -a (ADDR/LEN), -o (an address of the host), -D and -L (an address of the network, or "none"). Each returns
 * NULL, or what is wrong. */
const char *network_set_host(struct network *n, const char *word);
const char *network_set_outbound(struct network *n, const char *word);
const char *network_set_dns(struct network *n, const char *word);
const char *network_set_first(struct network *n, const char *word);

/* Fills in the defaults that depend on the host's address, and checks it all. NULL, or what is wrong. */
const char *network_finish(struct network *n);

struct in6_addr network_prefix6(const struct network *n);

/* Whether a belongs to the IPv4 network and is not the host's own or the name server's. */
bool network_is_guests(const struct network *n, struct in_addr a);

/* A name, a tab and a value a line, on stdout. */
void network_print(const struct network *n);

#endif
