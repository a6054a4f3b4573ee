/* SPDX-License-Identifier: ISC */
/* What is said to a client (RFC 2131, 4.3). Whatever is wrong or not for us is passed over in silence. */
#include <arpa/inet.h>
#include <string.h>

#include "common/diag.h"
#include "vm-dhcpd/name.h"
#include "vm-dhcpd/server.h"

#define LEASE_MIN 60 /* seconds; less is not given to a client that asks for it */

/* What the subnet of a relayed request is known by: the relay may say it apart from its own address. */
static struct in_addr
relayed_subnet(const struct message *m)
{
	struct in_addr addr = message_address(m, OPT_SUBNET);
	size_t len;
	const uint8_t *p = message_option(m, OPT_AGENT, 1, &len);

	/* RFC 3527: suboption 5. */
	for (size_t i = 0; p && i + 6 <= len; i += 2u + p[i + 1])
		if (p[i] == 5 && p[i + 1] == 4)
			memcpy(&addr, p + i + 2, 4);
	return addr.s_addr ? addr : m->giaddr;
}

/* A client that renews through a router speaks to us without its relay. */
static const struct subnet *
find_subnet(const struct server *s, const struct message *m)
{
	const struct subnet *n;

	if (m->giaddr.s_addr)
		return subnet_of(&s->subnets, ntohl(relayed_subnet(m).s_addr));
	n = m->ciaddr.s_addr ? subnet_of(&s->subnets, ntohl(m->ciaddr.s_addr)) : NULL;
	return n ? n : s->subnets.v;
}

/* Whose lease it is. Guests cloned from one image have the same client identifier, but not the same MAC address. */
static void
find_key(const struct server *s, struct request *r)
{
	const struct message *m = &r->message;
	size_t len;
	const uint8_t *id = message_option(m, OPT_CLIENT_ID, 2, &len);

	if (id && len <= ID_MAX && s->o->settings.by_id) {
		r->key[0] = GUEST_BY_ID;
		memcpy(r->key + 1, id, len);
		r->key_len = 1 + len;
	} else {
		r->key[0] = GUEST_BY_MAC;
		memcpy(r->key + 1, m->chaddr, 6);
		r->key_len = 7;
	}
}

static void
find_guest(const struct server *s, struct request *r)
{
	size_t id_len = 0, name_len = 0;
	const uint8_t *id = message_option(&r->message, OPT_CLIENT_ID, 1, &id_len);
	const uint8_t *name = message_option(&r->message, OPT_HOSTNAME, 1, &name_len);

	r->name[0] = '\0';
	if (name && !name_clean(r->name, (const char *)name, name_len < NAME_MAX_LEN ? name_len : NAME_MAX_LEN))
		r->name[0] = '\0';
	r->guest = guest_find(&s->subnets, GUEST_BY_MAC, r->message.chaddr, 6);
	if (!r->guest && id)
		r->guest = guest_find(&s->subnets, GUEST_BY_ID, id, id_len);
	if (!r->guest && *r->name)
		r->guest = guest_find(&s->subnets, GUEST_BY_NAME, r->name, strlen(r->name));
}

/* Where an answer goes (RFC 2131, 4.1). */
static void
send_answer(struct server *s, uint8_t *buf, size_t len, struct in_addr yiaddr, bool later)
{
	const struct request *r = &s->request;
	const struct message *m = &r->message;
	struct station to;
	uint16_t port = m->giaddr.s_addr ? PORT_SERVER : PORT_CLIENT;

	memset(to.mac, 255, 6);
	to.addr.s_addr = INADDR_BROADCAST;
	if (m->giaddr.s_addr) {
		memcpy(to.mac, r->mac, 6);
		to.addr = m->giaddr;
	} else if (m->ciaddr.s_addr && yiaddr.s_addr) {
		memcpy(to.mac, r->mac, 6);
		to.addr = m->ciaddr;
	} else if (!m->broadcast && yiaddr.s_addr && !s->link.udp) {
		memcpy(to.mac, m->chaddr, 6);
		to.addr = yiaddr;
	}
	if (later)
		server_answer_later(s, buf, len, &to, port);
	else
		link_send(&s->link, buf, len, &to, port);
}

static void
send_nak(struct server *s, const char *why)
{
	uint8_t buf[IPV4_HEAD + MESSAGE_MAX];
	size_t len;

	note(1, "refused: %s", why);
	if (s->o->settings.silent)
		return;
	len = compose(s, buf, DHCP_NAK, NULL, 0);
	/* A relay must broadcast it: the client may be on another network now (RFC 2131, 4.3.2). */
	if (s->request.message.giaddr.s_addr)
		buf[IPV4_HEAD + 10] |= 0x80;
	send_answer(s, buf, len, (struct in_addr){0}, false);
}

/* What the client asks for if it is less; little when most addresses are gone. */
static uint32_t
lease_seconds(const struct server *s, const struct lease *l)
{
	const uint8_t *p = message_option(&s->request.message, OPT_LEASE_TIME, 4, NULL);
	uint32_t seconds = s->o->settings.lease, wanted = p ? get_be32(p) : LEASE_INFINITE;
	size_t total = s->subnets.total, used = s->journal.leases.counts[LEASE_BOUND] + s->journal.leases.counts[LEASE_SET_ASIDE];

	if (wanted < LEASE_MIN)
		wanted = LEASE_MIN;
	if (seconds > wanted)
		seconds = wanted;
	if (l->state == LEASE_OFFERED && !l->past && used > total - total / 10 && seconds > SHORT_SECONDS)
		seconds = SHORT_SECONDS;
	return seconds;
}

static void
acknowledge(struct server *s, struct lease *l)
{
	uint8_t buf[IPV4_HEAD + MESSAGE_MAX];
	uint32_t seconds = lease_seconds(s, l);
	size_t len;

	server_bind(s, l, seconds);
	len = compose(s, buf, DHCP_ACK, l, seconds);
	send_answer(s, buf, len, (struct in_addr){htonl(l->addr)}, true);
}

static void
handle_discover(struct server *s)
{
	struct request *r = &s->request;
	struct lease *l = r->subnet ? choose_lease(s, r, message_address(&r->message, OPT_REQUESTED)) : NULL;
	uint8_t buf[IPV4_HEAD + MESSAGE_MAX];
	size_t len;

	if (!l) {
		if (!s->short_told && r->subnet)
			warn("no address is left for " MAC_FORMAT, MAC_ARGS(r->message.chaddr));
		s->short_told |= r->subnet != NULL;
		return;
	}
	if (l->state == LEASE_OFFERED && !l->probed) {
		if (probe_begin(&s->probes, l->addr))
			return;
		l->probed = true;
	}
	if (message_option(&r->message, OPT_RAPID, 0, NULL) && !s->o->settings.no_rapid) {
		acknowledge(s, l);
		return;
	}
	len = compose(s, buf, DHCP_OFFER, l, lease_seconds(s, l));
	send_answer(s, buf, len, (struct in_addr){htonl(l->addr)}, false);
}

/* Our offer was not taken. */
static void
withdraw(struct server *s, struct lease *l)
{
	if (!l || l->state != LEASE_OFFERED)
		return;
	if (l->past)
		lease_set(&s->journal.leases, l, LEASE_PAST, lease_clock());
	else
		lease_delete(&s->journal.leases, l);
}

/* The client's lease for addr, or a new one where the log knows of none (it was lost, or was another server's). */
static struct lease *
requested_lease(struct server *s, uint32_t addr, const char **why)
{
	struct request *r = &s->request;
	struct lease *l = lease_of_key(&s->journal.leases, r->key, r->key_len), *other = lease_of_addr(&s->journal.leases, addr);

	if (!choose_allows(s, r, addr))
		*why = "not an address for this client here";
	else if (l && l->addr != addr)
		*why = "the client has another address";
	else if (!l && other && (other->state == LEASE_BOUND || other->state == LEASE_SET_ASIDE))
		*why = "the address is another's";
	else if (l)
		return l;
	else {
		if (other)
			lease_delete(&s->journal.leases, other);
		return lease_add(&s->journal.leases, addr, r->key, r->key_len, r->message.chaddr, LEASE_OFFERED, lease_clock() + OFFER_SECONDS);
	}
	return NULL;
}

static void
handle_request(struct server *s)
{
	struct request *r = &s->request;
	struct in_addr server = message_address(&r->message, OPT_SERVER), addr = message_address(&r->message, OPT_REQUESTED);
	const char *why = "";
	struct lease *l;

	if (server.s_addr && ntohl(server.s_addr) != s->subnets.host) {
		withdraw(s, lease_of_key(&s->journal.leases, r->key, r->key_len));
		return;
	}
	if (!addr.s_addr)
		addr = r->message.ciaddr;
	if (!addr.s_addr)
		return;
	/* Without being asked by name, a server that is not the only one speaks of what it knows alone. */
	if (!server.s_addr && s->o->settings.silent && !lease_of_key(&s->journal.leases, r->key, r->key_len))
		return;
	l = requested_lease(s, ntohl(addr.s_addr), &why);
	if (l)
		acknowledge(s, l);
	else
		send_nak(s, why);
}

static struct lease *
own_lease(const struct server *s, struct in_addr addr)
{
	const struct request *r = &s->request;
	struct lease *l = lease_of_key(&s->journal.leases, r->key, r->key_len);
	struct in_addr server = message_address(&r->message, OPT_SERVER);

	return l && ntohl(addr.s_addr) == l->addr && l->state == LEASE_BOUND && ntohl(server.s_addr) == s->subnets.host ? l : NULL;
}

static void
handle_decline(struct server *s)
{
	struct lease *l = own_lease(s, message_address(&s->request.message, OPT_REQUESTED));

	if (l)
		server_set_aside(s, l, "declined");
}

static void
handle_release(struct server *s)
{
	struct lease *l = own_lease(s, s->request.message.ciaddr);

	if (l)
		server_release(s, l);
}

/* A client with an address of its own wants to know the rest. */
static void
handle_inform(struct server *s)
{
	const struct request *r = &s->request;
	uint8_t buf[IPV4_HEAD + MESSAGE_MAX];
	size_t len;

	if (!r->subnet || !r->message.ciaddr.s_addr)
		return;
	len = compose(s, buf, DHCP_ACK, NULL, 0);
	memcpy(buf + IPV4_HEAD + 12, &r->message.ciaddr, 4);
	send_answer(s, buf, len, r->message.ciaddr, false);
}

void
server_handle(struct server *s)
{
	static const uint8_t none[6];
	struct request *r = &s->request;

	/* Ethernet alone: who has no MAC address of his own cannot be told from others. */
	if (r->message.htype != 1 || r->message.hlen != 6 || (r->message.chaddr[0] & 1) || !memcmp(r->message.chaddr, none, 6))
		return;
	r->subnet = find_subnet(s, &r->message);
	find_key(s, r);
	find_guest(s, r);
	choose_own(s, r);
	switch (r->message.type) {
	case DHCP_DISCOVER: handle_discover(s); break;
	case DHCP_REQUEST: handle_request(s); break;
	case DHCP_DECLINE: handle_decline(s); break;
	case DHCP_RELEASE: handle_release(s); break;
	case DHCP_INFORM: handle_inform(s); break;
	default: break;
	}
}
