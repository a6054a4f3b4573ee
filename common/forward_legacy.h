/* SPDX-License-Identifier: ISC */
/* What iptables-legacy keeps outside of nftables: read, never changed. */
#ifndef COMMON_FORWARD_LEGACY_H
#define COMMON_FORWARD_LEGACY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether its FORWARD chain has the policy to drop; NFPROTO_IPV4 or NFPROTO_IPV6. A table that nobody has made is not made. */
bool forward_legacy_drops(uint8_t family);

#endif
