/* SPDX-License-Identifier: ISC */
/* Networks; the contracts are in prefix.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/prefix.h"

unsigned
prefix_bits(const struct prefix *p)
{
	return p->family == AF_INET6 ? 128 : 32;
}

struct prefix
prefix_of(const union address *a)
{
	struct prefix p = { .family = a->sa.sa_family };

	p.len = prefix_bits(&p);
	if (p.family == AF_INET6)
		memcpy(p.addr, &a->in6.sin6_addr, 16);
	else
		memcpy(p.addr, &a->in.sin_addr, 4);
	return p;
}

bool
prefix_parse(struct prefix *p, const char *word)
{
	size_t n = strcspn(word, "/");
	char addr[INET6_ADDRSTRLEN];
	uint64_t len;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, word, n);
	addr[n] = '\0';
	*p = (struct prefix){ .family = strchr(addr, ':') ? AF_INET6 : AF_INET };
	if (inet_pton(p->family, addr, p->addr) != 1)
		return false;
	len = prefix_bits(p);
	if (word[n] && !num_parse(word + n + 1, 0, len, &len))
		return false;
	p->len = (unsigned)len;
	return true;
}

void
prefix_format(const struct prefix *p, char buf[PREFIX_TEXT_MAX])
{
	inet_ntop(p->family, p->addr, buf, PREFIX_TEXT_MAX);
	if (p->len < prefix_bits(p))
		snprintf(buf + strlen(buf), PREFIX_TEXT_MAX - strlen(buf), "/%u", p->len);
}

void
prefix_mask(const struct prefix *p, uint8_t mask[16])
{
	for (unsigned i = 0; i < 16; i++)
		mask[i] = (uint8_t)(p->len >= 8 * i + 8 ? 0xff : p->len <= 8 * i ? 0 : 0xff00 >> (p->len - 8 * i));
}

struct prefix
prefix_network(struct prefix p)
{
	uint8_t mask[16];

	prefix_mask(&p, mask);
	for (unsigned i = 0; i < 16; i++)
		p.addr[i] &= mask[i];
	return p;
}

bool
prefix_has(const struct prefix *p, const struct prefix *other)
{
	struct prefix within = *other, own = prefix_network(*p);

	if (p->family != other->family || p->len > other->len)
		return false;
	within.len = p->len;
	within = prefix_network(within);
	return !memcmp(own.addr, within.addr, sizeof(own.addr));
}
