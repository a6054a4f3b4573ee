/* SPDX-License-Identifier: ISC */
/* The words of -p; the contracts are in forward.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vm-nat/forward.h"

static bool
parse_guest(struct forward *f, const char *spec, const char **why)
{
	uint16_t first = address_port(&f->host), last = f->last;

	f->guest.in = (struct sockaddr_in){ .sin_family = AF_INET };
	if (address_parse_host(&f->guest, spec)) {
		address_set_port(&f->guest, first);
	} else {
		if (!address_parse_ports(&f->guest, &last, &spec, why))
			return false;
		*why = "more words than HOSTADDR:PORT:GUESTADDR:PORT";
		if (*spec)
			return false;
	}
	*why = "no address of a guest";
	if (f->guest.sa.sa_family == AF_INET6 && f->guest.in6.sin6_scope_id)
		return false;
	if (address_is_any(&f->guest) || address_is_multicast(&f->guest))
		return false;
	*why = "the guest's range of ports is not as long as the host's";
	return last - address_port(&f->guest) == f->last - first;
}

bool
forward_parse(struct forward *f, const char *spec, const char **why)
{
	uint16_t port;

	memset(f, 0, sizeof(*f));
	*why = "ends in a colon";
	if (*spec && spec[strlen(spec) - 1] == ':')
		return false;
	f->udp = !strncmp(spec, "udp:", 4);
	if (f->udp || !strncmp(spec, "tcp:", 4))
		spec += 4;
	f->host.in = (struct sockaddr_in){ .sin_family = AF_INET };
	if (!address_parse_ports(&f->host, &f->last, &spec, why))
		return false;
	*why = "an address of a link alone";
	if (f->host.sa.sa_family == AF_INET6 && f->host.in6.sin6_scope_id)
		return false;
	*why = "no guest after the host's port";
	if (!*spec || !parse_guest(f, spec, why))
		return false;
	if (address_is_any(&f->host)) {
		port = address_port(&f->host);
		memset(&f->host, 0, sizeof(f->host));
		f->host.sa.sa_family = f->guest.sa.sa_family;
		address_set_port(&f->host, port);
	}
	*why = "no forward leads from ::1: the kernel routes no answers there";
	if (f->host.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&f->host.in6.sin6_addr))
		return false;
	*why = "IPv4 and IPv6 cannot be mixed in one forward";
	return f->host.sa.sa_family == f->guest.sa.sa_family;
}

/* An address, its port, and what makes a range of it. */
static void
format_range(const union address *a, uint16_t count, char *buf, size_t size)
{
	size_t len;

	if (address_is_any(a))
		snprintf(buf, size, "*:%u", address_port(a));
	else
		address_format(a, buf, size);
	len = strlen(buf);
	if (count)
		snprintf(buf + len, size - len, "-%u", address_port(a) + count);
}

void
forward_format(const struct forward *f, char buf[FORWARD_TEXT_MAX])
{
	char host[ADDRESS_TEXT_MAX], guest[ADDRESS_TEXT_MAX];
	uint16_t count = (uint16_t)(f->last - address_port(&f->host));

	format_range(&f->host, count, host, sizeof(host));
	format_range(&f->guest, count, guest, sizeof(guest));
	snprintf(buf, FORWARD_TEXT_MAX, "%s\t%.60s\t%.60s", f->udp ? "udp" : "tcp", host, guest);
}

static bool
same_host(const union address *a, const union address *b)
{
	return a->sa.sa_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr)
					   : a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

bool
forward_overlaps(const struct forward *a, const struct forward *b)
{
	return a->udp == b->udp && a->host.sa.sa_family == b->host.sa.sa_family && address_port(&a->host) <= b->last &&
	       address_port(&b->host) <= a->last &&
	       (address_is_any(&a->host) || address_is_any(&b->host) || same_host(&a->host, &b->host));
}

uint16_t
forward_hides(const struct forward *f)
{
	int family = f->host.sa.sa_family, type = (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, on = 1;

	for (unsigned port = address_port(&f->host); port <= f->last; port++) {
		int fd = socket(family, type, 0);
		union address a = f->host;
		bool taken;

		if (fd < 0)
			return 0;
		/* Sockets of connections that end are no matter; an address need not be this host's (yet). */
		if (!f->udp)
			(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
		if (family == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		address_set_port(&a, (uint16_t)port);
		taken = bind(fd, &a.sa, address_len(&a)) < 0 && errno == EADDRINUSE;
		close(fd);
		if (taken)
			return (uint16_t)port;
	}
	return 0;
}
