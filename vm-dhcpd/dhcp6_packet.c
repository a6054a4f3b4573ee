/* SPDX-License-Identifier: ISC */
/* Stateless DHCPv6 as bytes; the contracts are in dhcp6_packet.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "vm-dhcpd/put.h"
#include "vm-dhcpd/dhcp6_packet.h"

/* RFC 8415, 7.3. */
#define INFORMATION_REQUEST 11
#define REPLY 7

enum {
	OPT_CLIENT_ID = 1,
	OPT_SERVER_ID = 2,
	OPT_IA_NA = 3,
	OPT_IA_TA = 4,
	OPT_REQUESTED = 6,
	OPT_USER_CLASS = 15,
	OPT_VENDOR_CLASS = 16,
	OPT_DNS = 23,	  /* RFC 3646 */
	OPT_SEARCH = 24,  /* RFC 3646 */
	OPT_IA_PD = 25,
	OPT_SNTP = 31,	  /* RFC 4075 */
	OPT_REFRESH = 32,
	OPT_NTP = 56,	  /* RFC 5908 */
	OPT_BOOT_FILE = 59, /* RFC 5970 */
	OPT_ARCH = 61,	  /* RFC 5970 */
};

#define DUID_MAX 130	 /* RFC 8415, 11.1: 128 bytes and the type */
#define NTP_ADDRESS 1	 /* a suboption of OPT_NTP */
#define KNOWN_CODES 64	 /* above all the codes that are answered */

struct request {
	const uint8_t *id; /* the client's; NULL: none */
	size_t id_len;
	bool asked[KNOWN_CODES];
	struct pxe_client client;
};

/* A class is a list of texts, each after its length; the first is what tells. */
static void
take_class(const uint8_t **class, size_t *len, const uint8_t *p, size_t size)
{
	if (size < 2 || get_be16(p) > size - 2)
		return;
	*class = p + 2;
	*len = get_be16(p);
}

static void
take_requested(struct request *r, const uint8_t *p, size_t len)
{
	for (; len >= 2; p += 2, len -= 2)
		if (get_be16(p) < KNOWN_CODES)
			r->asked[get_be16(p)] = true;
}

/* False: the message is to be discarded (RFC 8415, 16.12: it is another server's, or asks for addresses). */
static bool
take_option(struct request *r, const struct dhcp6 *d, unsigned code, const uint8_t *p, size_t len)
{
	switch (code) {
	case OPT_CLIENT_ID:
		r->id = p;
		r->id_len = len;
		return len <= DUID_MAX;
	case OPT_SERVER_ID:
		return len == DHCP6_DUID_LEN && !memcmp(p, d->duid, len);
	case OPT_IA_NA:
	case OPT_IA_TA:
	case OPT_IA_PD:
		return false;
	case OPT_REQUESTED:
		take_requested(r, p, len);
		return true;
	case OPT_USER_CLASS:
		take_class(&r->client.user_class, &r->client.user_class_len, p, len);
		return true;
	case OPT_VENDOR_CLASS:
		if (len > 4) /* behind the number of an enterprise */
			take_class(&r->client.class, &r->client.class_len, p + 4, len - 4);
		return true;
	case OPT_ARCH:
		if (len >= 2)
			r->client.arch = get_be16(p);
		return true;
	default:
		return true;
	}
}

static bool
parse(struct request *r, const struct dhcp6 *d, const uint8_t *p, size_t len)
{
	*r = (struct request){.client.arch = PXE_NO_ARCH};
	if (len < 4 || p[0] != INFORMATION_REQUEST)
		return false;
	for (size_t at = 4, size; at < len; at += 4 + size) {
		if (len - at < 4)
			return false;
		size = get_be16(p + at + 2);
		if (size > len - at - 4 || !take_option(r, d, get_be16(p + at), p + at + 4, size))
			return false;
	}
	return true;
}

static void
put_option(struct put *b, unsigned code, const void *bytes, size_t len)
{
	if (len > b->size - b->len || b->size - b->len - len < 4)
		return;
	put16(b, code);
	put16(b, (unsigned)len);
	put_bytes(b, bytes, len);
}

static void
put_ntp(struct put *b, const struct in6_addr *server)
{
	uint8_t bytes[20];
	struct put sub = {.buf = bytes, .size = sizeof(bytes)};

	put16(&sub, NTP_ADDRESS);
	put16(&sub, 16);
	put_bytes(&sub, server, 16);
	put_option(b, OPT_NTP, bytes, sub.len);
}

/* RFC 5970, 3.1: a URL. A file of our own becomes one, if there is an address by which we can be named. */
static void
put_boot_file(struct put *b, const struct dhcp6 *d, const struct pxe_client *client)
{
	char host[INET6_ADDRSTRLEN], url[PXE_FILE_MAX + INET6_ADDRSTRLEN + 16];
	struct pxe_answer a;

	pxe_choose(d->pxe, client, &a);
	if (!a.file)
		return;
	if (a.url) {
		put_option(b, OPT_BOOT_FILE, a.file, strlen(a.file));
	} else if (!a.server && !IN6_IS_ADDR_UNSPECIFIED(&d->host)) {
		inet_ntop(AF_INET6, &d->host, host, sizeof(host));
		snprintf(url, sizeof(url), "tftp://[%s]/%s", host, a.file + strspn(a.file, "/"));
		put_option(b, OPT_BOOT_FILE, url, strlen(url));
	}
}

size_t
dhcp6_answer(uint8_t out[DHCP6_PACKET_MAX], const struct dhcp6 *d, const uint8_t *packet, size_t len)
{
	struct put b = {.buf = out, .size = DHCP6_PACKET_MAX};
	uint8_t refresh[4];
	struct request r;

	if (!parse(&r, d, packet, len))
		return 0;
	put32(&b, (uint32_t)REPLY << 24 | (get_be32(packet) & 0xffffff)); /* with the transaction */
	if (r.id)
		put_option(&b, OPT_CLIENT_ID, r.id, r.id_len);
	put_option(&b, OPT_SERVER_ID, d->duid, sizeof(d->duid));
	if (r.asked[OPT_DNS] && d->ndns)
		put_option(&b, OPT_DNS, d->dns, 16 * d->ndns);
	if (r.asked[OPT_SEARCH] && d->search_len)
		put_option(&b, OPT_SEARCH, d->search, d->search_len);
	if (r.asked[OPT_SNTP] && d->nntp)
		put_option(&b, OPT_SNTP, d->ntp, 16 * d->nntp);
	for (size_t i = 0; r.asked[OPT_NTP] && i < d->nntp; i++)
		put_ntp(&b, &d->ntp[i]);
	if (r.asked[OPT_REFRESH]) {
		put32(&(struct put){.buf = refresh, .size = 4}, d->refresh);
		put_option(&b, OPT_REFRESH, refresh, sizeof(refresh));
	}
	if (r.asked[OPT_BOOT_FILE] && d->pxe)
		put_boot_file(&b, d, &r.client);
	return b.len;
}

void
dhcp6_make_duid(uint8_t duid[DHCP6_DUID_LEN], const uint8_t mac[6])
{
	struct put b = {.buf = duid, .size = DHCP6_DUID_LEN};

	put16(&b, 3); /* DUID-LL */
	put16(&b, 1); /* Ethernet */
	put_bytes(&b, mac, 6);
}
