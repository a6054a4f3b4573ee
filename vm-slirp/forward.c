/* SPDX-License-Identifier: ISC */
/* The words of -p and -g, and the host's sockets of -p; the contracts are in forward.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/num.h"
#include "vm-slirp/forward.h"

socklen_t
address_len(const union address *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return sizeof(a->in);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return sizeof(a->un);
	}
}

void
address_format(const union address *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v6 = a->sa.sa_family == AF_INET6;
	unsigned port = ntohs(v6 ? a->in6.sin6_port : a->in.sin_port);

	if (a->sa.sa_family == AF_UNIX) {
		snprintf(buf, size, "%s", a->un.sun_path);
		return;
	}
	inet_ntop(a->sa.sa_family, v6 ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr, text, sizeof(text));
	if (port)
		snprintf(buf, size, v6 ? "[%s]:%u" : "%s:%u", text, port);
	else
		snprintf(buf, size, "%s", text);
}

/*
 * Takes the next word of a spec up to its colon (one inside brackets does not count) or its end, and steps over the
 * colon. Returns false at the end of the spec, and for words too long to be an address.
 */
static bool
next_word(const char **spec, char *word, size_t size)
{
	const char *s = *spec;
	size_t len = *s == '[' ? strcspn(s, "]") : 0;

	len += strcspn(s + len, ":");
	if (!len || len >= size)
		return false;
	memcpy(word, s, len);
	word[len] = '\0';
	*spec = s[len] ? s + len + 1 : s + len;
	return true;
}

static bool
parse_port(const char *word, uint16_t *port)
{
	uint64_t v;

	if (!num_parse(word, 1, 65535, &v))
		return false;
	*port = (uint16_t)v;
	return true;
}

/* "1.2.3.4", "[::1]" or, where it makes sense, "*". */
static bool
parse_host(const char *word, union address *a)
{
	char inner[INET6_ADDRSTRLEN];
	size_t len = strlen(word);

	memset(a, 0, sizeof(*a));
	if (!strcmp(word, "*")) {
		a->in.sin_family = AF_INET;
		return true;
	}
	if (word[0] != '[') {
		a->in.sin_family = AF_INET;
		return inet_pton(AF_INET, word, &a->in.sin_addr) == 1;
	}
	if (word[len - 1] != ']' || len - 2 >= sizeof(inner))
		return false;
	memcpy(inner, word + 1, len - 2);
	inner[len - 2] = '\0';
	a->in6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, inner, &a->in6.sin6_addr) == 1;
}

static void
set_port(union address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in.sin_port = htons(port);
}

/* [ADDR:]PORT, filling what is not said from *a, whose family decides the default. Leaves *spec behind the port. */
static bool
parse_endpoint(const char **spec, union address *a, const char **why)
{
	char word[INET6_ADDRSTRLEN + 3];
	uint16_t port;

	*why = "not an address or a port from 1 to 65535";
	if (!next_word(spec, word, sizeof(word)))
		return false;
	if (!parse_port(word, &port)) {
		if (!parse_host(word, a))
			return false;
		*why = "no port from 1 to 65535 after the address";
		if (!next_word(spec, word, sizeof(word)) || !parse_port(word, &port))
			return false;
	}
	set_port(a, port);
	return true;
}

static bool
parse_path(const char *path, size_t len, union address *a, const char **why)
{
	memset(a, 0, sizeof(*a));
	a->un.sun_family = AF_UNIX;
	if (len >= sizeof(a->un.sun_path)) {
		*why = "the path is longer than a Unix socket's may be";
		return false;
	}
	memcpy(a->un.sun_path, path, len);
	return true;
}

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
		return !f->udp && parse_path(s, len, &f->host, why);
	}
	f->host.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return parse_endpoint(spec, &f->host, why);
}

bool
forward_parse(struct forward *f, const char *spec, const char **why)
{
	if (!parse_host_part(f, &spec, why))
		return false;
	f->guest = default_guest(&f->host);
	if (*spec || f->host.sa.sa_family == AF_UNIX)
		if (!parse_endpoint(&spec, &f->guest, why))
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

static bool
is_any(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) : !a->in.sin_addr.s_addr;
}

void
forward_format(const struct forward *f, char buf[FORWARD_TEXT_MAX])
{
	char host[128], guest[INET6_ADDRSTRLEN + 16];

	address_format(&f->host, host, sizeof(host));
	address_format(&f->guest, guest, sizeof(guest));
	if (is_any(&f->guest))
		snprintf(guest, sizeof(guest), "guest:%u",
		    ntohs(f->guest.sa.sa_family == AF_INET6 ? f->guest.in6.sin6_port : f->guest.in.sin_port));
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
		return fd_listen_unix(f->host.un.sun_path);
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
		return parse_path(target, strlen(target), &g->target, why);
	g->target.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	if (!parse_endpoint(&target, &g->target, why))
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
	if (!parse_endpoint(&s, &here, why))
		return false;
	if (*s || here.sa.sa_family != AF_INET) {
		*why = "the guest's side is an IPv4 address and a port";
		return false;
	}
	g->addr = here.in.sin_addr;
	g->port = ntohs(here.in.sin_port);
	return parse_target(g, eq + 1, why);
}
