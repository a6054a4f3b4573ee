/* SPDX-License-Identifier: ISC */
/* -O's words of IPv6; the contracts are in setting6.h. */
#include <arpa/inet.h>
#include <string.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-dhcpd/setting6.h"

static const char *
choose(enum choice *c, const char *value)
{
	static const char *const words[] = {[CHOICE_AUTO] = "auto", [CHOICE_YES] = "yes", [CHOICE_NO] = "no"};

	for (*c = CHOICE_AUTO; *c < ARRAY_LEN(words); ++*c)
		if (!strcmp(value, words[*c]))
			return NULL;
	return "not auto, yes or no";
}

/* An address that is a part of a word. */
static bool
parse_address(const char *word, size_t len, struct in6_addr *a)
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text))
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, a) == 1;
}

static const char *
add_addresses(struct in6_list *l, const char *value)
{
	l->given = true;
	if (!strcmp(value, "none"))
		return l->n ? "none of it, and something" : NULL;
	for (;; value++) {
		size_t len = strcspn(value, ",");

		if (l->n == SETTINGS6_MAX)
			return "too many of them";
		if (!parse_address(value, len, &l->v[l->n]) || IN6_IS_ADDR_MULTICAST(&l->v[l->n]))
			return "not an IPv6 address";
		l->n++;
		value += len;
		if (!*value)
			return NULL;
	}
}

static bool
has_bits_beyond(const struct in6_addr *a, unsigned len)
{
	for (unsigned bit = len; bit < 128; bit++)
		if (a->s6_addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

static const char *
add_prefix(struct prefix_list *l, const char *value)
{
	struct ra_prefix p = {.valid = RA_VALID, .preferred = RA_PREFERRED};
	size_t len = strcspn(value, "/");
	uint64_t n;

	if (l->n == SETTINGS6_MAX)
		return "too many of them";
	if (!value[len] || !parse_address(value, len, &p.prefix) || !num_parse(value + len + 1, 0, 128, &n))
		return "not PREFIX/LENGTH";
	p.len = (unsigned)n;
	if (has_bits_beyond(&p.prefix, p.len))
		return "it has bits beyond the length";
	l->v[l->n++] = p;
	return NULL;
}

static const char *
add_link_prefix(struct prefix_list *l, const char *value)
{
	const char *why = add_prefix(l, value);

	if (!why && (IN6_IS_ADDR_LINKLOCAL(&l->v[l->n - 1].prefix) || IN6_IS_ADDR_MULTICAST(&l->v[l->n - 1].prefix)))
		return "not a prefix that guests could have addresses of";
	return why;
}

bool
settings6_add(struct settings6 *s, const char *word, size_t len, const char **why)
{
	static const char *const names[] = {"ra", "router6", "dns6", "ntp6", "prefix", "route6"};
	const char *value = word + len + 1;
	size_t i = 0;

	while (i < ARRAY_LEN(names) && (strlen(names[i]) != len || strncmp(names[i], word, len)))
		i++;
	switch (i) {
	case 0: *why = choose(&s->ra, value); break;
	case 1: *why = choose(&s->router, value); break;
	case 2: *why = add_addresses(&s->dns, value); break;
	case 3: *why = add_addresses(&s->ntp, value); break;
	case 4: *why = add_link_prefix(&s->prefixes, value); break;
	case 5: *why = add_prefix(&s->routes, value); break;
	default: return false;
	}
	return true;
}

bool
settings6_given(const struct settings6 *s)
{
	return s->ra == CHOICE_YES || s->prefixes.n || s->routes.n || s->dns.n || s->ntp.n;
}
