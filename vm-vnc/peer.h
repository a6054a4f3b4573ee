/* SPDX-License-Identifier: ISC */
/* Who is at the other end of a socket. */
#ifndef VM_VNC_PEER_H
#define VM_VNC_PEER_H

#include "common/address.h"

/* IPv4 as such, also where it comes in a socket of IPv6. */
union address peer_plain(const union address *a);

/* Of this host alone: loopback, or a Unix socket. */
bool peer_is_local(const union address *a);

/* Of a connected socket; in text as address_format() has it, of a Unix socket "unix:" and the user's number. */
union address peer_of(int fd, char text[ADDRESS_TEXT_MAX]);

#endif
