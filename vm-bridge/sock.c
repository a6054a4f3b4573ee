/* SPDX-License-Identifier: ISC */
/* Sockets of cables; the contracts are in sock.h. */
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-bridge/resolve.h"
#include "vm-bridge/sock.h"

/* "name:port", where the name has no colon. False when it is not of that form; dies when nobody knows the name. */
static bool
by_name(union address *a, const char *word)
{
	const char *colon = strrchr(word, ':'), *port = colon ? colon + 1 : NULL, *why;
	char name[256];
	size_t len = colon ? (size_t)(colon - word) : 0;

	if (!len || len >= sizeof(name) || !strpbrk(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ||
	    memchr(word, ':', len) || word[0] == '[')
		return false;
	memcpy(name, word, len);
	name[len] = '\0';
	if (!resolve(name, a))
		die("%s: no such host", name);
	return address_parse(a, &port, &why) && !*port;
}

union address
sock_address(const char *word)
{
	union address a = {.in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}};
	const char *rest = word, *why;

	if (strchr(word, '/')) {
		if (!address_parse_path(&a, word, strlen(word), &why))
			die_usage("%s: %s", word, why);
		return a;
	}
	if (address_parse(&a, &rest, &why) && !*rest)
		return a;
	if (!by_name(&a, word))
		die_usage("%s: not [ADDRESS:]PORT, nor a path with a slash", word);
	return a;
}

int
sock_listen(const char *word, const union address *a)
{
	int family = a->sa.sa_family, on = 1, fd;

	if (family == AF_UNIX) {
		fd = fd_listen_unix(a->un.sun_path);
	} else {
		fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		/* [::] is every IPv6 address, as * is every IPv4 one; not both. */
		if (fd >= 0 && ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
		    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		    bind(fd, &a->sa, address_len(a)) < 0 || listen(fd, SOMAXCONN) < 0))
			fd = fd_close_failed(fd);
	}
	if (fd < 0)
		die_sys("%s", word);
	return fd;
}

int
sock_dial(const union address *a, bool *pending)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*pending = false;
	if (fd < 0 || connect(fd, &a->sa, address_len(a)) == 0)
		return fd;
	*pending = errno == EINPROGRESS;
	return *pending ? fd : fd_close_failed(fd);
}

bool
sock_connected(int fd)
{
	socklen_t len = sizeof(int), here_len = sizeof(union address), there_len = here_len;
	union address here = {0}, there = {0};
	int err = 0;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	/* Who dials a free port of the own host again and again will once have that very port, and meets itself. */
	if (!err && !getsockname(fd, &here.sa, &here_len) && !getpeername(fd, &there.sa, &there_len) &&
	    here.sa.sa_family != AF_UNIX && !memcmp(&here, &there, sizeof(here)))
		err = ECONNREFUSED;
	errno = err;
	return !err;
}

void
sock_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, 10},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 5},
	    {IPPROTO_TCP, TCP_KEEPCNT, 4},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
	};

	/* A Unix socket has none of them, and needs none. */
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int
datagrams(const char *word, int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die_sys("%s", word);
	return fd;
}

int
sock_udp(const char *word, const union address *remote, const union address *local)
{
	int fd = datagrams(word, remote->sa.sa_family);
	char text[ADDRESS_TEXT_MAX];

	if (local->sa.sa_family && bind(fd, &local->sa, address_len(local)) < 0) {
		address_format(local, text, sizeof(text));
		die_sys("-l %s", text);
	}
	if (connect(fd, &remote->sa, address_len(remote)) < 0)
		die_sys("%s", word);
	return fd;
}

static bool
join4(int fd, const struct sock_group *g)
{
	struct ip_mreqn m = {.imr_multiaddr = g->address.in.sin_addr};
	uint8_t hops = (uint8_t)g->hops, loop = g->loop;
	union address local;

	if (g->local) {
		m.imr_ifindex = (int)if_nametoindex(g->local);
		if (!m.imr_ifindex && (!address_parse_host(&local, g->local) || local.sa.sa_family != AF_INET))
			die_usage("-l %s: neither an interface nor an IPv4 address", g->local);
		if (!m.imr_ifindex)
			m.imr_address = local.in.sin_addr;
	}
	return !setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) &&
	       !setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops)) &&
	       !setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof(loop)) &&
	       (!g->local || !setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)));
}

static bool
join6(int fd, const struct sock_group *g)
{
	struct ipv6_mreq m = {.ipv6mr_multiaddr = g->address.in6.sin6_addr, .ipv6mr_interface = g->address.in6.sin6_scope_id};
	int hops = (int)g->hops, loop = g->loop, index = (int)m.ipv6mr_interface;

	return !setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &m, sizeof(m)) &&
	       !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) &&
	       !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &loop, sizeof(loop)) &&
	       (!index || !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)));
}

int
sock_group(const char *word, struct sock_group *g)
{
	union address *a = &g->address;
	bool v6 = a->sa.sa_family == AF_INET6;
	int fd = datagrams(word, a->sa.sa_family), on = 1;

	if (v6 && g->local) {
		a->in6.sin6_scope_id = if_nametoindex(g->local);
		if (!a->in6.sin6_scope_id)
			die_usage("-l %s: no such interface", g->local);
	}
	/* Each guest of this host binds the same. A socket bound to the group hears nothing that was sent elsewhere. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || bind(fd, &a->sa, address_len(a)) < 0 ||
	    !(v6 ? join6(fd, g) : join4(fd, g)))
		die_sys("%s", word);
	return fd;
}
