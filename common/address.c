/* SPDX-License-Identifier: ISC */
/* Addresses of sockets; the contracts are in address.h. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "common/address.h"
#include "common/num.h"

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

uint16_t
address_port(const union address *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void
address_set_port(union address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in.sin_port = htons(port);
}

bool
address_is_any(const union address *a)
{
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) : !a->in.sin_addr.s_addr;
}

bool
address_is_multicast(const union address *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
	case AF_INET6:
		return IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
	default:
		return false;
	}
}

void
address_format(const union address *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v6 = a->sa.sa_family == AF_INET6;
	unsigned port = address_port(a);

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

/* One port; or, where last is given, also a range. */
static bool
parse_ports(const char *word, uint16_t *port, uint16_t *last)
{
	char first[8];
	size_t len = last ? strcspn(word, "-") : strlen(word);
	uint64_t lo, hi;

	if (len >= sizeof(first))
		return false;
	memcpy(first, word, len);
	first[len] = '\0';
	if (!num_parse(first, 1, 65535, &lo))
		return false;
	hi = lo;
	if (word[len] && !num_parse(word + len + 1, lo, 65535, &hi))
		return false;
	*port = (uint16_t)lo;
	if (last)
		*last = (uint16_t)hi;
	return true;
}

bool
address_parse_host(union address *a, const char *word)
{
	char inner[INET6_ADDRSTRLEN + IF_NAMESIZE], *zone;
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
	zone = strchr(inner, '%');
	if (zone) {
		*zone = '\0';
		a->in6.sin6_scope_id = if_nametoindex(zone + 1);
		if (!a->in6.sin6_scope_id)
			return false;
	}
	a->in6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, inner, &a->in6.sin6_addr) == 1;
}

bool
address_parse(union address *a, const char **spec, const char **why)
{
	return address_parse_ports(a, NULL, spec, why);
}

bool
address_parse_ports(union address *a, uint16_t *last, const char **spec, const char **why)
{
	char word[INET6_ADDRSTRLEN + IF_NAMESIZE + 3];
	uint16_t port;

	*why = "not an address or a port from 1 to 65535";
	if (!next_word(spec, word, sizeof(word)))
		return false;
	if (!parse_ports(word, &port, last)) {
		if (!address_parse_host(a, word))
			return false;
		*why = "no port from 1 to 65535 after the address";
		if (!next_word(spec, word, sizeof(word)) || !parse_ports(word, &port, last))
			return false;
	}
	address_set_port(a, port);
	return true;
}

bool
address_parse_path(union address *a, const char *path, size_t len, const char **why)
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
