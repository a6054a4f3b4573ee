/* SPDX-License-Identifier: ISC */
/* A network interface as the kernel has it: what is served on it follows from that. */
#ifndef VM_DHCPD_IFACE_H
#define VM_DHCPD_IFACE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct nlmsghdr;

#define IFACE_ADDRESSES_MAX 16 /* of each family; more are not looked at */

struct iface_address {
	union {
		struct in_addr in;
		struct in6_addr in6;
	};
	unsigned prefix_len;
	uint32_t flags; /* IFA_F_ */
};

struct iface {
	char name[IF_NAMESIZE];
	unsigned index;
	bool up;
	uint8_t mac[6];
	unsigned mtu;
	struct iface_address in[IFACE_ADDRESSES_MAX], in6[IFACE_ADDRESSES_MAX]; /* link-local ones among them */
	unsigned nin, nin6;
};

/* Asks the kernel. NULL, or the reason ("No such device"), valid until the next call. */
const char *iface_read(struct iface *f, const char *name);

/* Takes in what rtnetlink tells of links and addresses; messages of other interfaces change nothing. */
void iface_news(struct iface *f, struct nlmsghdr *h);

#endif
