/* SPDX-License-Identifier: ISC */
/* The words of -p and -g, and the host's sockets of -p; the contracts are in forward.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/socket_file.h"
#include "vm-slirp/forward.h"

/* The "any" address of the family in which the host's side reaches the guest, with the host's port as default. */
static union address
default_guest(const union address *host)
{
	union address a = {.in.sin_family = AF_INET};

	if (host->sa.sa_family == AF_INET6) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = host->in6.sin6_port;
	} else if (host->sa.sa_family == AF_INET) {
		a.in.sin_port = host->in.sin_port;
	}
	return a;
}

/* The host's part; *spec is left behind it. */
static bool
parse_host_part(struct forward *f, const char **spec, const char **why)
{
	const char *s = *spec;

	memset(f, 0, sizeof(*f));
	*why = "ends in a colon";
	if (*s && s[strlen(s) - 1] == ':')
		return false;
	f->udp = !strncmp(s, "udp:", 4);
	if (f->udp || !strncmp(s, "tcp:", 4))
		s += 4;
	*spec = s;
	if (*s == '/') {
		size_t len = strcspn(s, ":");

		*spec += len + (s[len] == ':');
		*why = "UDP cannot be forwarded from a Unix socket";
		return !f->udp && address_parse_path(&f->host, s, len, why);
	}
	f->host.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return address_parse(&f->host, spec, why);
}

bool
forward_parse(struct forward *f, const char *spec, const char **why)
{
	if (!parse_host_part(f, &spec, why))
		return false;
	f->guest = default_guest(&f->host);
	if (*spec || f->host.sa.sa_family == AF_UNIX)
		if (!address_parse(&f->guest, &spec, why))
			return false;
	if (*spec)
		*why = "more words than HOSTADDR:HOSTPORT:GUESTADDR:GUESTPORT";
	else if (f->host.sa.sa_family != AF_UNIX && f->host.sa.sa_family != f->guest.sa.sa_family)
		*why = "IPv4 and IPv6 cannot be mixed in one forward";
	else
		return true;
	return false;
}

bool
forward_parse_host(struct forward *f, const char *spec, const char **why)
{
	return parse_host_part(f, &spec, why);
}

void
forward_format(const struct forward *f, char buf[FORWARD_TEXT_MAX])
{
	char host[ADDRESS_TEXT_MAX], guest[ADDRESS_TEXT_MAX];

	address_format(&f->host, host, sizeof(host));
	address_format(&f->guest, guest, sizeof(guest));
	if (address_is_any(&f->guest))
		snprintf(guest, sizeof(guest), "guest:%u", address_port(&f->guest));
	snprintf(buf, FORWARD_TEXT_MAX, "%s\t%s\t%s",
	    f->host.sa.sa_family == AF_UNIX ? "unix" : f->udp ? "udp" : "tcp", host, guest);
}

bool
forward_same_host(const struct forward *a, const struct forward *b)
{
	return a->udp == b->udp && !memcmp(&a->host, &b->host, sizeof(a->host));
}

int
forward_listen(const struct forward *f)
{
	int family = f->host.sa.sa_family, on = 1;
	int type = (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd;

	if (family == AF_UNIX)
		return socket_file_listen(f->host.un.sun_path);
	fd = socket(family, type, 0);
	if (fd < 0)
		return -1;
	/* A guest reached over IPv6 cannot answer an IPv4 client. */
	if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    (!f->udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    bind(fd, &f->host.sa, address_len(&f->host)) < 0 || (!f->udp && listen(fd, SOMAXCONN) < 0))
		return fd_close_failed(fd);
	return fd;
}

static bool
parse_target(struct guestfwd *g, const char *target, const char **why)
{
	g->kind = GUESTFWD_CONNECT;
	if (*target == '|') {
		g->kind = GUESTFWD_COMMAND;
		g->command = target + 1;
		*why = "no command after |";
		return *g->command;
	}
	if (*target == '/')
		return address_parse_path(&g->target, target, strlen(target), why);
	g->target.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	if (!address_parse(&g->target, &target, why))
		return false;
	*why = "more words than HOSTADDR:PORT";
	return !*target;
}

bool
guestfwd_parse(struct guestfwd *g, const char *spec, const char **why)
{
	const char *eq = strchr(spec, '=');
	union address here = {.in.sin_family = AF_INET};
	char left[INET_ADDRSTRLEN + 8];
	const char *s = left;

	memset(g, 0, sizeof(*g));
	*why = "not [ADDR:]PORT=TARGET";
	if (!eq || (size_t)(eq - spec) >= sizeof(left))
		return false;
	memcpy(left, spec, (size_t)(eq - spec));
	left[eq - spec] = '\0';
	if (!address_parse(&here, &s, why))
		return false;
	if (*s || here.sa.sa_family != AF_INET) {
		*why = "the guest's side is an IPv4 address and a port";
		return false;
	}
	g->addr = here.in.sin_addr;
	g->port = ntohs(here.in.sin_port);
	return parse_target(g, eq + 1, why);
}
