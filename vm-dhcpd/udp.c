/* SPDX-License-Identifier: ISC */
/* UDP on one interface; the contracts are in udp.h. */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-dhcpd/udp.h"

#define BATCH 8

static socklen_t
address_len(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

bool
udp_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int
udp_open(int family, uint16_t port, const char *ifname, bool shared)
{
	union udp_address any = {0};
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	bool v6 = family == AF_INET6;

	any.sa.sa_family = (sa_family_t)family;
	if (v6)
		any.in6.sin6_port = htons(port);
	else
		any.in.sin_port = htons(port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) < 0 ||
	    (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    bind(fd, &any.sa, address_len(family)) < 0)
		die_sys("%s: UDP port %u over IPv%d", ifname, port, v6 ? 6 : 4);
	return fd;
}

/* Fills in where the packet was sent to. False when the kernel did not say. */
static bool
take_local(struct udp_peer *p, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct in6_pktinfo to6;
	struct in_pktinfo to4;

	if (!c)
		return false;
	p->local_len = m->msg_controllen;
	if (c->cmsg_level == IPPROTO_IPV6) {
		memcpy(&to6, CMSG_DATA(c), sizeof(to6));
		p->group = IN6_IS_ADDR_MULTICAST(&to6.ipi6_addr);
	} else {
		/* The address of ours that belongs to it differs from the one in the packet. */
		memcpy(&to4, CMSG_DATA(c), sizeof(to4));
		p->group = to4.ipi_addr.s_addr != to4.ipi_spec_dst.s_addr;
	}
	if (p->group)
		p->local_len = 0;
	return true;
}

void
udp_receive(int fd, void (*handle)(void *arg, const struct udp_peer *from, uint8_t *packet, size_t len), void *arg)
{
	uint8_t packets[BATCH][UDP_PACKET_MAX];
	struct mmsghdr messages[BATCH];
	struct udp_peer peers[BATCH];
	struct iovec iov[BATCH];
	int n;

	memset(messages, 0, sizeof(messages));
	memset(peers, 0, sizeof(peers));
	for (int i = 0; i < BATCH; i++) {
		struct msghdr *m = &messages[i].msg_hdr;

		iov[i] = (struct iovec){.iov_base = packets[i], .iov_len = UDP_PACKET_MAX};
		m->msg_iov = &iov[i];
		m->msg_iovlen = 1;
		m->msg_name = &peers[i].address;
		m->msg_namelen = sizeof(peers[i].address);
		m->msg_control = peers[i].local;
		m->msg_controllen = sizeof(peers[i].local);
	}
	n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		peers[i].fd = fd;
		if (!(messages[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && take_local(&peers[i], &messages[i].msg_hdr))
			handle(arg, &peers[i], packets[i], messages[i].msg_len);
	}
}

bool
udp_send(const struct udp_peer *to, struct iovec *iov, size_t niov, unsigned segment)
{
	_Alignas(struct cmsghdr) uint8_t control[sizeof(to->local) + CMSG_SPACE(sizeof(uint16_t))];
	union udp_address address = to->address;
	struct msghdr m = {.msg_name = &address, .msg_namelen = address_len(address.sa.sa_family), .msg_iov = iov, .msg_iovlen = niov,
	    .msg_control = control, .msg_controllen = to->local_len};
	uint16_t size = (uint16_t)segment;

	memcpy(control, to->local, to->local_len);
	if (segment) {
		struct cmsghdr *c = (struct cmsghdr *)(control + to->local_len);

		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(size)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
		memcpy(CMSG_DATA(c), &size, sizeof(size));
		m.msg_controllen += CMSG_SPACE(sizeof(size));
	}
	return sendmsg(to->fd, &m, MSG_DONTWAIT) >= 0;
}

void
udp_address_text(const union udp_address *a, char text[INET6_ADDRSTRLEN])
{
	bool v6 = a->sa.sa_family == AF_INET6;

	inet_ntop(a->sa.sa_family, v6 ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr, text, INET6_ADDRSTRLEN);
}
