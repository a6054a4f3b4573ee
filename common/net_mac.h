/* SPDX-License-Identifier: ISC */
/* MAC addresses for what was given none. */
#ifndef COMMON_NET_MAC_H
#define COMMON_NET_MAC_H

#include <stdint.h>

/* What the addresses of one owner have in common: of this machine (its machine-id), and of the guest if it has a name (or NULL).
 * Dies when the machine's cannot be read. */
uint64_t net_mac_seed(const char *guest_name);

/* An address in 52:54:00, the same for the same seed and id at every start. */
void net_mac_default(uint64_t seed, const char *id, uint8_t mac[6]);

#endif
