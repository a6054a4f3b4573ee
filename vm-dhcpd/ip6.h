/* SPDX-License-Identifier: ISC */
/* IPv6 on the bridge: what router advertisements (ra.c) and stateless DHCPv6 (dhcp6.c) say, followed as it changes. */
#ifndef VM_DHCPD_IP6_H
#define VM_DHCPD_IP6_H

#include "vm-dhcpd/dname.h"
#include "vm-dhcpd/ra_packet.h"
#include "vm-dhcpd/service.h"

#define IP6_PREFIXES_MAX (IFACE_ADDRESSES_MAX + SETTINGS6_MAX)

struct ip6_prefix {
	struct ra_prefix prefix;
	int64_t until; /* of timer_now: it is gone from the interface, and guests hear so until then; 0: it is there */
};

struct ip6 {
	const struct settings6 *settings;
	struct iface iface; /* as it is now */
	struct watch news;  /* of rtnetlink */
	int forwarding;	    /* the kernel's setting, an open file; -1: unknown */
	bool routed;	    /* when it was last looked at */
	unsigned mtu;	    /* that was asked for; 0: the interface's */
	struct ip6_prefix prefixes[IP6_PREFIXES_MAX];
	size_t nprefixes;
	struct in6_addr dns[SETTINGS6_MAX];
	size_t ndns;
	const uint8_t *search; /* names as of RFC 1035 */
	size_t search_len;
	uint8_t domain[DNAME_MAX]; /* where that is the DHCP's domain */
	const struct pxe *pxe;	   /* NULL: nobody boots from here */
	void (*changed)(void);	   /* called when something of it is different */
};

/* The one there is; NULL: IPv6 is not served. Opened by whichever service comes first. */
struct ip6 *ip6_get(struct dhcpd *d);

/* -n: what would be said now. */
void ip6_print(struct dhcpd *d);

/* Whether anything is to be said at all, now. */
bool ip6_serves(const struct ip6 *p);

/* Whether guests can be routed through this host, now. */
bool ip6_routes(const struct ip6 *p);

/* The name servers for guests: those of the host are reached through it only if it routes. */
size_t ip6_ndns(const struct ip6 *p);

/* Whether DHCPv6 has something to say. */
bool ip6_has_other(const struct ip6 *p);

/* An address of the interface that packets can come from now, a link-local one or any other; NULL: none. */
const struct in6_addr *ip6_address(const struct ip6 *p, bool link_local);

#endif
