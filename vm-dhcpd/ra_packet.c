/* SPDX-License-Identifier: ISC */
/* Router advertisements as bytes; the contracts are in ra_packet.h. */
#include <netinet/icmp6.h>

#include "vm-dhcpd/put.h"
#include "vm-dhcpd/ra_packet.h"

/* Options, RFC 4861, 4.6; RFC 4191, 2.3; RFC 8106, 5. Their length is counted in eights of bytes. */
enum {
	OPT_SOURCE_LINK = 1,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_ROUTE = 24,
	OPT_RDNSS = 25,
	OPT_DNSSL = 31,
};

#define PREFIX_ON_LINK 0x80
#define PREFIX_AUTO 0x40
#define AUTO_LEN 64 /* of interface identifiers on Ethernet: RFC 2464, 4; no other prefix makes an address */
#define HOP_LIMIT 64 /* what hosts shall use; IANA's default */

/* Room for an option of `size` bytes with its head, which is a multiple of 8. False: it does not fit. */
static bool
begin(struct put *b, unsigned type, size_t size)
{
	if (size > b->size - b->len || size > 255 * 8)
		return false;
	put8(b, type);
	put8(b, (unsigned)(size / 8));
	return true;
}

static void
put_prefix(struct put *b, const struct ra_prefix *p)
{
	if (!begin(b, OPT_PREFIX, 32))
		return;
	put8(b, p->len);
	put8(b, PREFIX_ON_LINK | (p->len == AUTO_LEN ? PREFIX_AUTO : 0));
	put32(b, p->valid);
	put32(b, p->preferred);
	put32(b, 0);
	put_bytes(b, &p->prefix, 16);
}

/* As many bytes of the destination as its length needs. */
static void
put_route(struct put *b, const struct ra_prefix *p)
{
	size_t bytes = p->len > 64 ? 16 : p->len ? 8 : 0;

	if (!begin(b, OPT_ROUTE, 8 + bytes))
		return;
	put8(b, p->len);
	put8(b, 0); /* medium preference */
	put32(b, p->valid);
	put_bytes(b, &p->prefix, bytes);
}

static void
put_dns(struct put *b, const struct ra *r)
{
	if (!r->ndns || !begin(b, OPT_RDNSS, 8 + 16 * r->ndns))
		return;
	put16(b, 0);
	put32(b, r->dns_lifetime);
	put_bytes(b, r->dns, 16 * r->ndns);
}

static void
put_search(struct put *b, const struct ra *r)
{
	static const uint8_t padding[8];
	size_t padded = (r->search_len + 7) & ~(size_t)7;

	if (!r->search_len || !begin(b, OPT_DNSSL, 8 + padded))
		return;
	put16(b, 0);
	put32(b, r->dns_lifetime);
	put_bytes(b, r->search, r->search_len);
	put_bytes(b, padding, padded - r->search_len);
}

size_t
ra_put(uint8_t out[RA_PACKET_MAX], const struct ra *r)
{
	struct put b = {.buf = out, .size = RA_PACKET_MAX};

	put8(&b, ND_ROUTER_ADVERT);
	put8(&b, 0);
	put16(&b, 0);
	put8(&b, HOP_LIMIT);
	put8(&b, r->other ? ND_RA_FLAG_OTHER : 0);
	put16(&b, r->lifetime);
	put32(&b, 0); /* reachable time and retransmission: the hosts' own */
	put32(&b, 0);
	begin(&b, OPT_SOURCE_LINK, 8);
	put_bytes(&b, r->mac, 6);
	if (r->mtu) {
		begin(&b, OPT_MTU, 8);
		put16(&b, 0);
		put32(&b, r->mtu);
	}
	for (size_t i = 0; i < r->nprefixes; i++)
		put_prefix(&b, &r->prefixes[i]);
	put_dns(&b, r);
	put_search(&b, r);
	for (size_t i = 0; i < r->nroutes; i++)
		put_route(&b, &r->routes[i]);
	return b.len;
}

bool
ra_is_solicitation(const uint8_t *p, size_t len, const struct in6_addr *from, int hop_limit)
{
	/* 255: no router can have passed it on, so it comes from this link. */
	if (len < sizeof(struct nd_router_solicit) || p[0] != ND_ROUTER_SOLICIT || p[1] != 0 || hop_limit != 255)
		return false;
	for (size_t at = sizeof(struct nd_router_solicit), size; at < len; at += size) {
		if (len - at < 8 || !p[at + 1])
			return false;
		size = (size_t)p[at + 1] * 8;
		if (size > len - at)
			return false;
		if (p[at] == OPT_SOURCE_LINK && IN6_IS_ADDR_UNSPECIFIED(from))
			return false;
	}
	return true;
}
