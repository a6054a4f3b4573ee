/* SPDX-License-Identifier: ISC */
/* Router advertisements: when (RFC 4861, 6.2) and to whom. What they say is in ip6.c and ra_packet.c. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/timer.h"
#include "common/util.h"
#include "vm-dhcpd/ip6.h"

/* RFC 4861, 6.2.1 and 10, in ms. */
#define INTERVAL_MAX 600000
#define INTERVAL_MIN 200000
#define LIFETIME 1800 /* seconds: three times the interval; also of name servers (RFC 8106, 5.1) */
#define INITIAL_INTERVAL 16000
#define INITIAL_COUNT 3
#define SPACING 3000 /* between two that go to all */
#define DELAY 500    /* at most, so that routers do not answer all at once */

#define ANSWER_SPACING 20 /* between two that go to one: what a flood of solicitations costs */

struct sender {
	struct ip6 *ip6;
	struct watch socket;
	struct timer timer;
	int64_t due, last; /* the next and the last that goes to all; timer_now */
	int64_t answered;  /* the last that went to one */
	int initial;	   /* how many more come at short intervals */
};

static struct sender sender;

static int64_t
random_below(int64_t n)
{
	uint32_t v;

	return getrandom(&v, sizeof(v), GRND_NONBLOCK) == sizeof(v) ? v % n : 0;
}

/* The last one of all takes back what leads through this host. */
static size_t
build(uint8_t packet[RA_PACKET_MAX], const struct ip6 *p, bool last)
{
	struct ra_prefix prefixes[IP6_PREFIXES_MAX];
	struct prefix_list routes = p->settings->routes;
	int64_t now = timer_now();
	struct ra r = {.other = ip6_has_other(p), .lifetime = !last && ip6_routes(p) ? LIFETIME : 0,
	    .mtu = p->mtu ? p->mtu : p->iface.mtu, .prefixes = prefixes, .routes = routes.v, .nroutes = routes.n, .dns = p->dns,
	    .ndns = ip6_ndns(p), .search = p->search, .search_len = p->search_len, .dns_lifetime = LIFETIME};

	memcpy(r.mac, p->iface.mac, sizeof(r.mac));
	for (size_t i = 0; i < routes.n; i++)
		routes.v[i].valid = last ? 0 : LIFETIME;
	for (size_t i = 0; i < p->nprefixes; i++) {
		const struct ip6_prefix *from = &p->prefixes[i];
		struct ra_prefix *to = &prefixes[r.nprefixes];

		*to = from->prefix;
		if (from->until) {
			to->preferred = 0;
			to->valid = from->until > now ? (uint32_t)((from->until - now) / 1000) : 0;
		}
		r.nprefixes += !from->until || to->valid;
	}
	return ra_put(packet, &r);
}

/* An advertisement must come from a link-local address (RFC 4861, 4.2). False while there is none, or no way out. */
static bool
advertise(struct sender *s, const struct in6_addr *to, bool last)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = *to, .sin6_scope_id = s->ip6->iface.index};
	uint8_t packet[RA_PACKET_MAX];
	size_t len;

	if (!ip6_address(s->ip6, true))
		return false;
	len = build(packet, s->ip6, last);
	if (sendto(s->socket.fd, packet, len, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(address)) < 0) {
		note(2, "router advertisement: %s", strerror(errno));
		return false;
	}
	return true;
}

static void
plan(struct sender *s, int64_t at)
{
	if (at < s->last + SPACING && s->last)
		at = s->last + SPACING;
	s->due = at;
	timer_set(&s->timer, at);
}

/* To all. Where it cannot be sent, the next change of addresses brings another. */
static void
time_came(struct timer *timer)
{
	static const struct in6_addr all_nodes = {{{0xff, 2, [15] = 1}}};
	struct sender *s = container_of(timer, struct sender, timer);
	int64_t pause = INTERVAL_MIN + random_below(INTERVAL_MAX - INTERVAL_MIN);

	s->due = TIMER_NEVER;
	if (!ip6_serves(s->ip6) || !advertise(s, &all_nodes, false))
		return;
	s->last = timer_now();
	if (s->initial && --s->initial && pause > INITIAL_INTERVAL)
		pause = INITIAL_INTERVAL;
	plan(s, s->last + pause);
}

/* As at the start: guests hear of it soon, and from three, because one may be lost. */
static void
begin(void)
{
	struct sender *s = &sender;
	int64_t soon = timer_now() + random_below(DELAY);

	s->initial = INITIAL_COUNT;
	if (soon < s->due)
		plan(s, soon);
}

/*
 * Each who asks is answered at once, by a packet of his own, which costs the others nothing (RFC 4861, 6.2.6; RFC 7772).
 * Who has no address yet, and a crowd, get one that goes to all.
 */
static void
solicited(struct sender *s, const struct in6_addr *from)
{
	int64_t now = timer_now();

	if (!ip6_serves(s->ip6))
		return;
	if (!IN6_IS_ADDR_UNSPECIFIED(from) && now >= s->answered + ANSWER_SPACING) {
		s->answered = now;
		advertise(s, from, false);
	} else if (now + DELAY < s->due) {
		plan(s, now + random_below(DELAY));
	}
}

static void
readable(struct watch *w, uint32_t events)
{
	struct sender *s = container_of(w, struct sender, socket);
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	uint8_t packet[RA_PACKET_MAX];
	struct iovec iov = {packet, sizeof(packet)};
	struct sockaddr_in6 from;
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(w->fd, &m, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
	int hops;

	(void)events;
	if (!c || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return;
	memcpy(&hops, CMSG_DATA(c), sizeof(hops));
	if (ra_is_solicitation(packet, (size_t)n, &from.sin6_addr, hops))
		solicited(s, &from.sin6_addr);
}

static int
open_socket(const struct iface *f)
{
	static const int on = 1, off = 0, hops = 255;
	struct ipv6_mreq routers = {.ipv6mr_multiaddr = {{{0xff, 2, [15] = 2}}}, .ipv6mr_interface = f->index};
	struct icmp6_filter filter;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, f->name, (socklen_t)strlen(f->name)) < 0 ||
	    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0)
		die_sys("%s: router advertisements", f->name);
	/* An interface on which IPv6 is off has none of its addresses; it may come. */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &routers, sizeof(routers)) < 0)
		note(1, "%s: no solicitations are heard: %s", f->name, strerror(errno));
	return fd;
}

static void
open_sender(struct dhcpd *d)
{
	struct sender *s = &sender;
	int err;

	s->ip6 = ip6_get(d);
	if (!s->ip6)
		return;
	s->due = TIMER_NEVER;
	s->ip6->changed = begin;
	s->socket = (struct watch){.fd = open_socket(&s->ip6->iface), .handler = readable};
	err = timer_init(&s->timer, &d->loop, time_came);
	if (!err)
		err = loop_watch(&d->loop, &s->socket, EPOLLIN);
	if (err)
		die("router advertisements: %s", strerror(-err));
}

static void
start(struct dhcpd *d)
{
	(void)d;
	if (sender.ip6)
		begin();
}

/* RFC 4861, 6.2.5: guests look for another router at once. */
static void
stop(struct dhcpd *d)
{
	static const struct in6_addr all_nodes = {{{0xff, 2, [15] = 1}}};

	(void)d;
	if (sender.ip6 && sender.last)
		advertise(&sender, &all_nodes, true);
}

const struct service ra_service = {.print = ip6_print, .open = open_sender, .start = start, .stop = stop};
