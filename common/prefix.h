/* SPDX-License-Identifier: ISC */
/* Networks: an IPv4 or IPv6 address and a length. */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/address.h"

#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4) /* of prefix_format, with its NUL */

struct prefix {
	int family; /* AF_INET or AF_INET6 */
	unsigned len;
	uint8_t addr[16]; /* the first 4, or all; the bits behind len may be those of a host */
};

/* "10.0.0.1/24", "fd00::/64"; without a length one address. False when it is none. */
bool prefix_parse(struct prefix *p, const char *word);

/* The length is left out where it is that of one address. */
void prefix_format(const struct prefix *p, char buf[PREFIX_TEXT_MAX]);

/* Of one address, IPv4 or IPv6. */
struct prefix prefix_of(const union address *a);

/* 32 or 128. */
unsigned prefix_bits(const struct prefix *p);

/* Of the network: the bits behind the length are zero. */
struct prefix prefix_network(struct prefix p);

/* Both are of one family, and the other lies within p. */
bool prefix_has(const struct prefix *p, const struct prefix *other);

/* The first len bits as a mask. */
void prefix_mask(const struct prefix *p, uint8_t mask[16]);

#endif
