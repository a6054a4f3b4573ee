/* SPDX-License-Identifier: ISC */
/* What IPv6's services say; the contracts are in ip6.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/netlink.h"
#include "common/timer.h"
#include "common/util.h"
#include "vm-dhcpd/ip6.h"
#include "vm-dhcpd/udp.h"

#define IPV6_MIN_MTU 1280 /* RFC 8200, 5 */
#define GONE 7200	  /* seconds; RFC 4862, 5.5.3: below this no advertisement can bring a valid lifetime */

bool
ip6_serves(const struct ip6 *p)
{
	int64_t now = timer_now();

	for (size_t i = 0; i < p->nprefixes; i++)
		if (!p->prefixes[i].until || p->prefixes[i].until > now)
			return true;
	return p->settings->ra == CHOICE_YES;
}

bool
ip6_routes(const struct ip6 *p)
{
	char c = '0';

	if (p->settings->router != CHOICE_AUTO)
		return p->settings->router == CHOICE_YES;
	return p->forwarding >= 0 && pread(p->forwarding, &c, 1, 0) == 1 && c != '0';
}

size_t
ip6_ndns(const struct ip6 *p)
{
	return p->settings->dns.given || ip6_routes(p) ? p->ndns : 0;
}

bool
ip6_has_other(const struct ip6 *p)
{
	return ip6_ndns(p) || p->search_len || p->settings->ntp.n || p->pxe;
}

const struct in6_addr *
ip6_address(const struct ip6 *p, bool link_local)
{
	for (unsigned i = 0; i < p->iface.nin6; i++) {
		const struct iface_address *a = &p->iface.in6[i];

		if (!(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) && !IN6_IS_ADDR_LINKLOCAL(&a->in6) == !link_local)
			return &a->in6;
	}
	return NULL;
}

/*
 * The prefix of an address that somebody gave the interface for good. What it made for itself out of another router's
 * advertisements is that router's to announce.
 */
static bool
prefix_of(const struct iface_address *a, struct ra_prefix *p)
{
	if (!(a->flags & IFA_F_PERMANENT) || IN6_IS_ADDR_LINKLOCAL(&a->in6) || a->prefix_len > 127)
		return false;
	*p = (struct ra_prefix){.prefix = a->in6, .len = a->prefix_len, .valid = RA_VALID,
	    .preferred = a->flags & IFA_F_DEPRECATED ? 0 : RA_PREFERRED};
	for (unsigned bit = a->prefix_len; bit < 128; bit++)
		p->prefix.s6_addr[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return true;
}

static void
add_prefix(struct ip6 *p, const struct ra_prefix *prefix)
{
	size_t i = 0;

	while (i < p->nprefixes && (p->prefixes[i].prefix.len != prefix->len ||
				    !IN6_ARE_ADDR_EQUAL(&p->prefixes[i].prefix.prefix, &prefix->prefix)))
		i++;
	if (i == IP6_PREFIXES_MAX)
		return;
	p->nprefixes += i == p->nprefixes;
	p->prefixes[i] = (struct ip6_prefix){.prefix = *prefix};
}

/* Those that are there no more are announced as such, for a guest would keep its addresses of them (RFC 9096, 3.5). */
static void
update_prefixes(struct ip6 *p)
{
	int64_t now = timer_now();
	struct ra_prefix prefix;
	size_t n = 0;

	for (size_t i = 0; i < p->nprefixes; i++) {
		struct ip6_prefix old = p->prefixes[i];

		if (!old.until)
			old.until = now + GONE * 1000;
		if (old.until > now)
			p->prefixes[n++] = old;
	}
	p->nprefixes = n;
	for (size_t i = 0; i < p->settings->prefixes.n; i++)
		add_prefix(p, &p->settings->prefixes.v[i]);
	for (unsigned i = 0; i < p->iface.nin6 && !p->settings->prefixes.n; i++)
		if (prefix_of(&p->iface.in6[i], &prefix))
			add_prefix(p, &prefix);
}

static void
news_came(struct watch *w, uint32_t events)
{
	struct ip6 *p = container_of(w, struct ip6, news);
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct iface before = p->iface;
	bool routes;
	ssize_t n;
	int len;

	(void)events;
	while ((n = recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0 || errno == ENOBUFS) {
		len = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; n > 0 && nlmsg_ok(h, len); h = nlmsg_next(h, &len))
			iface_news(&p->iface, h);
	}
	routes = ip6_routes(p);
	if (routes == p->routed && !memcmp(&before, &p->iface, sizeof(before)))
		return; /* other interfaces come and go */
	p->routed = routes;
	update_prefixes(p);
	p->changed();
}

static void
follow(struct ip6 *p, struct loop *l)
{
	/* Of forwarding too, which the file tells better than the message. */
	static const int others[] = {RTNLGRP_LINK, RTNLGRP_IPV6_NETCONF};
	struct netlink nl;
	int err = netlink_listen(&nl, NETLINK_ROUTE, RTNLGRP_IPV6_IFADDR);

	for (size_t i = 0; !err && i < ARRAY_LEN(others); i++)
		if (setsockopt(nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &others[i], sizeof(others[i])) < 0)
			err = -errno;
	p->news = (struct watch){.fd = nl.fd, .handler = news_came};
	if (!err)
		err = loop_watch(l, &p->news, EPOLLIN);
	if (err)
		die("netlink: %s", strerror(-err));
}

static void
choose_names(struct ip6 *p, const struct settings *s, const struct nameservers *host)
{
	const struct setting *search = &s->option[119], *domain = &s->option[15];
	char name[DNAME_MAX];

	p->ndns = s->v6.dns.n;
	memcpy(p->dns, s->v6.dns.v, sizeof(p->dns));
	if (!s->v6.dns.given) {
		p->ndns = host->nin6;
		memcpy(p->dns, host->in6, sizeof(host->in6));
	}
	p->search = search->bytes;
	p->search_len = search->len;
	if (!search->given && domain->len && domain->len < sizeof(name)) {
		memcpy(name, domain->bytes, domain->len);
		name[domain->len] = '\0';
		p->search = p->domain;
		p->search_len = dname_encode(name, p->domain);
	}
}

/* The MTU that DHCP gives, where IPv6 can live with it. */
static unsigned
wanted_mtu(const struct setting *mtu)
{
	unsigned n = mtu->len == 2 ? get_be16(mtu->bytes) : 0;

	return n >= IPV6_MIN_MTU ? n : 0;
}

/* False: IPv6 is not wanted, or not there. */
static bool
wanted(const struct dhcpd *d)
{
	const struct settings6 *s = &d->options->settings.v6;

	if (!d->iface.index || s->ra == CHOICE_NO)
		return false;
	if (udp_has_ipv6())
		return true;
	if (s->ra == CHOICE_YES || s->prefixes.n)
		die("IPv6: this kernel has none");
	return false;
}

static void
prepare(struct ip6 *p, const struct dhcpd *d)
{
	char path[64];

	p->settings = &d->options->settings.v6;
	p->pxe = d->options->pxe.nfiles ? &d->options->pxe : NULL;
	iface_read(&p->iface, d->iface.name);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", d->iface.name);
	p->forwarding = open(path, O_RDONLY | O_CLOEXEC);
	p->routed = ip6_routes(p);
	p->mtu = wanted_mtu(&d->options->settings.option[26]);
	choose_names(p, &d->options->settings, &d->nameservers);
	update_prefixes(p);
}

struct ip6 *
ip6_get(struct dhcpd *d)
{
	static struct ip6 ip6;
	static bool asked, open;

	if (!asked) {
		asked = true;
		open = wanted(d);
		if (open) {
			follow(&ip6, &d->loop); /* first: what changes while we look is told after that */
			prepare(&ip6, d);
		}
	}
	return open ? &ip6 : NULL;
}

static void
print_addresses(const char *name, const struct in6_addr *v, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++)
		printf("%s\t%s\n", name, inet_ntop(AF_INET6, &v[i], text, sizeof(text)));
}

void
ip6_print(struct dhcpd *d)
{
	static struct ip6 p;
	char text[INET6_ADDRSTRLEN];

	if (!wanted(d))
		return;
	prepare(&p, d);
	if (!ip6_serves(&p))
		return;
	printf("router6\t%s\n", p.routed ? "yes" : "no");
	for (size_t i = 0; i < p.nprefixes; i++)
		printf("prefix\t%s/%u\n", inet_ntop(AF_INET6, &p.prefixes[i].prefix.prefix, text, sizeof(text)), p.prefixes[i].prefix.len);
	for (size_t i = 0; i < p.settings->routes.n; i++)
		printf("route6\t%s/%u\n", inet_ntop(AF_INET6, &p.settings->routes.v[i].prefix, text, sizeof(text)), p.settings->routes.v[i].len);
	print_addresses("dns6", p.dns, ip6_ndns(&p));
	print_addresses("ntp6", p.settings->ntp.v, p.settings->ntp.n);
}
