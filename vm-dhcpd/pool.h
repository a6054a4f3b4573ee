/* SPDX-License-Identifier: ISC */
/* The addresses there are to lease: ranges of networks, and those that are set aside for one guest. */
#ifndef VM_DHCPD_POOL_H
#define VM_DHCPD_POOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGES_MAX 64
#define GUESTS_MAX 4096
#define NAME_MAX_LEN 63 /* of a guest: a label of RFC 1035 */
#define ID_MAX 64	/* bytes of a client identifier; RFC 4361's are at most this long */

/* Addresses in here are in host order: they are counted. */
struct range {
	uint32_t first, last;
	unsigned prefix_len; /* of its network; 0: that of the server's own address */
};

enum guest_by {
	GUEST_BY_MAC,
	GUEST_BY_NAME,
	GUEST_BY_ID,
};

struct guest {
	enum guest_by by;
	uint8_t id[ID_MAX]; /* what is looked for: a MAC, a name, a client identifier */
	size_t id_len;
	uint32_t addr;
	const char *name; /* that the guest is told; NULL: none */
};

struct pool {
	struct range ranges[RANGES_MAX];
	size_t nranges;
	bool none; /* -L none */
	struct guest *guests;
	size_t nguests;
};

/* A word of -L: ADDR, ADDR-ADDR[/LEN], "none", or GUEST=ADDR[,NAME]. It must last. NULL, or what is wrong with it. */
const char *pool_add(struct pool *p, const char *word);

#endif
