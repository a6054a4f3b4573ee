/* SPDX-License-Identifier: ISC */
/* The guest's network; the contracts are in network.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "vm-slirp/network.h"

/* Where QEMU puts things in a network, so that guests configured by hand find them: host .2, names .3, guest .15. */
#define DNS_OFFSET 0x0203
#define FIRST_OFFSET 0x020f

void
network_init(struct network *n)
{
	memset(n, 0, sizeof(*n));
	n->in4 = n->in6 = true;
	network_set_host(n, "10.0.2.2/24");
	network_set_host(n, "fec0::2/64");
	n->mtu = 1500;
}

struct in6_addr
network_prefix6(const struct network *n)
{
	struct in6_addr p = n->host6;

	for (unsigned bit = n->prefix_len; bit < 128; bit++)
		p.s6_addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

static bool
same_prefix6(const struct network *n, const struct in6_addr *a)
{
	struct network other = {.host6 = *a, .prefix_len = n->prefix_len};
	struct in6_addr p = network_prefix6(n), q = network_prefix6(&other);

	return IN6_ARE_ADDR_EQUAL(&p, &q);
}

static bool
in_network(const struct network *n, struct in_addr a)
{
	uint32_t inside = a.s_addr & ~n->mask.s_addr;

	return (a.s_addr & n->mask.s_addr) == (n->host.s_addr & n->mask.s_addr) && inside && inside != ~n->mask.s_addr;
}

const char *
network_set_host(struct network *n, const char *word)
{
	char addr[INET6_ADDRSTRLEN];
	size_t len = strcspn(word, "/");
	uint64_t bits;

	if (!word[len] || len >= sizeof(addr))
		return "not ADDRESS/LENGTH";
	memcpy(addr, word, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, &n->host) == 1) {
		if (!num_parse(word + len + 1, 8, 29, &bits))
			return "not a prefix length from 8 to 29";
		n->mask.s_addr = htonl(~0U << (32 - bits));
		return in_network(n, n->host) ? NULL : "the network's own or its broadcast address, not a host's";
	}
	if (inet_pton(AF_INET6, addr, &n->host6) == 1) {
		if (!num_parse(word + len + 1, 8, 120, &bits))
			return "not a prefix length from 8 to 120";
		n->prefix_len = (unsigned)bits;
		n->dns6 = network_prefix6(n);
		n->dns6.s6_addr[15] |= 3;
		return NULL;
	}
	return "not an address";
}

const char *
network_set_outbound(struct network *n, const char *word)
{
	if (inet_pton(AF_INET, word, &n->outbound.sin_addr) == 1)
		n->outbound.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, word, &n->outbound6.sin6_addr) == 1)
		n->outbound6.sin6_family = AF_INET6;
	else
		return "not an address";
	return NULL;
}

const char *
network_set_dns(struct network *n, const char *word)
{
	if (!strcmp(word, "none"))
		n->no_dns = true;
	else if (inet_pton(AF_INET, word, &n->dns) != 1 && inet_pton(AF_INET6, word, &n->dns6) != 1)
		return "not an address, nor none";
	return NULL;
}

const char *
network_set_first(struct network *n, const char *word)
{
	if (!strcmp(word, "none"))
		n->no_dhcp = true;
	else if (inet_pton(AF_INET, word, &n->first) != 1)
		return "not an IPv4 address, nor none";
	return NULL;
}

static struct in_addr
at(const struct network *n, uint32_t offset)
{
	return (struct in_addr){(n->host.s_addr & n->mask.s_addr) | (htonl(offset) & ~n->mask.s_addr)};
}

static const char *
check4(struct network *n)
{
	if (!n->dns.s_addr)
		n->dns = at(n, DNS_OFFSET);
	if (!n->first.s_addr)
		n->first = at(n, FIRST_OFFSET);
	/* In a network too small for QEMU's places the guest comes after the name server. */
	if (!in_network(n, n->first))
		n->first = at(n, ntohl(n->dns.s_addr) + 1);
	if (!in_network(n, n->dns))
		return "the name server (-D) is outside the network (-a)";
	if (n->dns.s_addr == n->host.s_addr)
		return "the name server (-D) and the host (-a) have the same address";
	if (!in_network(n, n->first))
		return "the first address leased (-L) is outside the network (-a)";
	if (!network_is_guests(n, n->first))
		return "the first address leased (-L) is the host's or the name server's";
	return NULL;
}

static const char *
check6(struct network *n)
{
	struct in6_addr prefix = network_prefix6(n);

	if (IN6_ARE_ADDR_EQUAL(&prefix, &n->host6))
		return "the host's IPv6 address (-a) is its network's";
	if (!same_prefix6(n, &n->dns6))
		return "the IPv6 name server (-D) is outside the network (-a)";
	if (IN6_ARE_ADDR_EQUAL(&n->dns6, &n->host6))
		return "the IPv6 name server (-D) and the host (-a) have the same address";
	if (n->mtu < 1280)
		return "IPv6 needs an MTU (-u) of 1280 at least; -4 turns it off";
	return NULL;
}

const char *
network_finish(struct network *n)
{
	const char *why = n->in4 ? check4(n) : NULL;

	return why ? why : n->in6 ? check6(n) : NULL;
}

bool
network_is_guests(const struct network *n, struct in_addr a)
{
	return in_network(n, a) && a.s_addr != n->host.s_addr && a.s_addr != n->dns.s_addr;
}

static void
print_address(const char *name, int family, const void *addr, int prefix_len)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, addr, text, sizeof(text));
	if (prefix_len >= 0)
		printf("%s\t%s/%d\n", name, text, prefix_len);
	else
		printf("%s\t%s\n", name, text);
}

static void
print_text(const char *name, const char *value)
{
	if (value)
		printf("%s\t%s\n", name, value);
}

void
network_print(const struct network *n)
{
	if (n->in4) {
		print_address("host", AF_INET, &n->host, __builtin_popcount(n->mask.s_addr));
		if (!n->no_dns)
			print_address("dns", AF_INET, &n->dns, -1);
		if (!n->no_dhcp)
			print_address("first", AF_INET, &n->first, -1);
	}
	if (n->in6) {
		print_address("host", AF_INET6, &n->host6, (int)n->prefix_len);
		if (!n->no_dns)
			print_address("dns", AF_INET6, &n->dns6, -1);
	}
	if (n->outbound.sin_family)
		print_address("outbound", AF_INET, &n->outbound.sin_addr, -1);
	if (n->outbound6.sin6_family)
		print_address("outbound", AF_INET6, &n->outbound6.sin6_addr, -1);
	printf("mtu\t%zu\n", n->mtu);
	print_text("restricted", n->restricted ? "yes" : NULL);
	print_text("loopback", n->no_loopback ? "no" : NULL);
	print_text("hostname", n->hostname);
	print_text("domain", n->domain);
	for (const char *const *s = n->search; *s; s++)
		print_text("search", *s);
	print_text("tftp", n->tftp_dir);
	print_text("tftp-name", n->tftp_name);
	print_text("bootfile", n->bootfile);
}
