/* SPDX-License-Identifier: ISC */
/* Domain names as packets have them: RFC 1035, 3.1, not compressed (DHCP's search list, DHCPv6's, DNSSL). */
#ifndef VM_DHCPD_DNAME_H
#define VM_DHCPD_DNAME_H

#include <stddef.h>
#include <stdint.h>

#define DNAME_MAX 255 /* bytes of a name in a packet */

/*
 * Writes a name such as "example.org" or "example.org." as labels that end with the root's. Returns its length, 0 when it
 * is no host's domain: a label that is empty, longer than 63 or of other characters than A-Z a-z 0-9 _ -, or too long.
 */
size_t dname_encode(const char *name, uint8_t out[DNAME_MAX]);

#endif
