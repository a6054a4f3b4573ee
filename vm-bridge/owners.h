/* SPDX-License-Identifier: ISC */
/* Programs that keep the addresses of an interface, and would put them back after they were moved. */
#ifndef VM_BRIDGE_OWNERS_H
#define VM_BRIDGE_OWNERS_H

#include <stdbool.h>
#include <stddef.h>

/* NULL when nobody does, else who does and what to do about it, a static text. */
const char *owners_find(const char *nic, int index);

/* Whether the file of NetworkManager about a device, or of systemd-networkd about a link, says that it is theirs. */
bool owners_read_nm(const char *text, size_t len);
bool owners_read_networkd(const char *text, size_t len);

/* Whether the words of a process, each ended by a NUL, are those of a DHCP client of that NIC. */
bool owners_is_dhcp_client(const char *words, size_t len, const char *nic);

#endif
