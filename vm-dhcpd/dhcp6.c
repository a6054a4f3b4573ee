/* SPDX-License-Identifier: ISC */
/* Stateless DHCPv6 on the bridge: the socket. What is said is in dhcp6_packet.c. */
#include <errno.h>
#include <string.h>

#include "common/diag.h"
#include "vm-dhcpd/dhcp6_packet.h"
#include "vm-dhcpd/ip6.h"
#include "vm-dhcpd/udp.h"

#define SERVER_PORT 547
#define CLIENT_PORT 546
#define REFRESH 3600 /* seconds: name servers of a host that moves about change */

static struct {
	struct ip6 *ip6;
	struct watch socket;
	uint8_t duid[DHCP6_DUID_LEN];
} server;

/* What was sent to our own address is no client's doing (RFC 8415, 16), nor what comes from beyond the link. */
static void
received(void *arg, const struct udp_peer *from, uint8_t *packet, size_t len)
{
	const struct ip6 *p = server.ip6;
	struct dhcp6 d = {.dns = p->dns, .ndns = ip6_ndns(p), .ntp = p->settings->ntp.v, .nntp = p->settings->ntp.n,
	    .search = p->search, .search_len = p->search_len, .refresh = REFRESH, .pxe = p->pxe};
	const struct in6_addr *host = ip6_address(p, false);
	uint8_t out[DHCP6_PACKET_MAX];
	struct udp_peer to = *from;
	struct iovec iov = {.iov_base = out};

	(void)arg;
	if (!from->group || !IN6_IS_ADDR_LINKLOCAL(&from->address.in6.sin6_addr) || !ip6_serves(p))
		return;
	memcpy(d.duid, server.duid, sizeof(d.duid));
	if (host)
		d.host = *host;
	iov.iov_len = dhcp6_answer(out, &d, packet, len);
	to.address.in6.sin6_port = htons(CLIENT_PORT);
	if (iov.iov_len)
		udp_send(&to, &iov, 1, 0);
}

static void
readable(struct watch *w, uint32_t events)
{
	(void)events;
	udp_receive(w->fd, received, NULL);
}

static void
open_server(struct dhcpd *d)
{
	struct ipv6_mreq group = {.ipv6mr_multiaddr = {{{0xff, 2, [13] = 1, [15] = 2}}}}; /* RFC 8415, 7.1 */
	int err;

	server.ip6 = ip6_get(d);
	if (!server.ip6)
		return;
	group.ipv6mr_interface = server.ip6->iface.index;
	dhcp6_make_duid(server.duid, server.ip6->iface.mac);
	server.socket = (struct watch){.fd = udp_open(AF_INET6, SERVER_PORT, d->iface.name, true), .handler = readable};
	if (setsockopt(server.socket.fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		note(1, "%s: DHCPv6 is not heard: %s", d->iface.name, strerror(errno));
	err = loop_watch(&d->loop, &server.socket, EPOLLIN);
	if (err)
		die("DHCPv6: %s", strerror(-err));
}

const struct service dhcp6_service = {.open = open_server};
