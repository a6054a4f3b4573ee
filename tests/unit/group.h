/* SPDX-License-Identifier: ISC */
/* A multicast group on the loopback. */
#ifndef TESTS_UNIT_GROUP_H
#define TESTS_UNIT_GROUP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A member of the group in *a, bound to it; port 0 takes a free one, which is then in *a. */
static inline int
group_socket(struct sockaddr_in *a)
{
	struct ip_mreqn m = {.imr_multiaddr = a->sin_addr, .imr_address.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(*a);
	int one = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)a, sizeof(*a)) < 0 || getsockname(fd, (struct sockaddr *)a, &len) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)) < 0)
		abort();
	return fd;
}

#endif
