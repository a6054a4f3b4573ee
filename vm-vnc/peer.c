/* SPDX-License-Identifier: ISC */
/* Who is at the other end; the contracts are in peer.h. */
#include <stdio.h>
#include <string.h>

#include "vm-vnc/peer.h"

union address
peer_plain(const union address *a)
{
	union address out = {.sa.sa_family = AF_INET};

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return *a;
	out.in.sin_port = a->in6.sin6_port;
	memcpy(&out.in.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
	return out;
}

bool
peer_is_local(const union address *a)
{
	union address plain = peer_plain(a);

	switch (plain.sa.sa_family) {
	case AF_INET:
		return ntohl(plain.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&plain.in6.sin6_addr);
	default:
		return plain.sa.sa_family == AF_UNIX;
	}
}

union address
peer_of(int fd, char text[ADDRESS_TEXT_MAX])
{
	union address a = {.sa.sa_family = AF_UNIX};
	socklen_t len = sizeof(a);
	struct ucred cred = {.uid = 0};

	/* Nobody's: of a viewer who has gone already. He will not get far as a Unix socket's, either. */
	if (getpeername(fd, &a.sa, &len) < 0)
		a = (union address){.sa.sa_family = AF_UNIX};
	a = peer_plain(&a);
	if (a.sa.sa_family != AF_UNIX) {
		address_format(&a, text, ADDRESS_TEXT_MAX);
		return a;
	}
	len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		snprintf(text, ADDRESS_TEXT_MAX, "unix:%u", cred.uid);
	else
		snprintf(text, ADDRESS_TEXT_MAX, "unix");
	return a;
}
