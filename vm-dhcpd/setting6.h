/* SPDX-License-Identifier: ISC */
/* The words of -O that are of IPv6. */
#ifndef VM_DHCPD_SETTING6_H
#define VM_DHCPD_SETTING6_H

#include "vm-dhcpd/ra_packet.h"

#define SETTINGS6_MAX 8 /* of each list */

enum choice {
	CHOICE_AUTO,
	CHOICE_YES,
	CHOICE_NO,
};

struct in6_list {
	struct in6_addr v[SETTINGS6_MAX];
	size_t n;
	bool given; /* perhaps as "none" */
};

struct prefix_list {
	struct ra_prefix v[SETTINGS6_MAX];
	size_t n;
};

struct settings6 {
	enum choice ra;	    /* advertisements and DHCPv6; auto: if there is a prefix */
	enum choice router; /* auto: as the kernel forwards */
	struct in6_list dns, ntp;
	struct prefix_list prefixes, routes;
};

/*
 * KEY=VALUE, whose key is `len` bytes long and whose value lies behind the sign. False: no key of IPv6. Else *why is NULL, or
 * what is wrong with it.
 */
bool settings6_add(struct settings6 *s, const char *word, size_t len, const char **why);

/* Whether something was asked for that needs an interface. */
bool settings6_given(const struct settings6 *s);

#endif
