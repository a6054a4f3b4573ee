/* SPDX-License-Identifier: ISC */
/* What stands in an answer (RFC 2131, 4.3.1, table 3). */
#include <arpa/inet.h>
#include <string.h>

#include "vm-dhcpd/server.h"

#define IP_UDP 28	  /* bytes before a message in a datagram */
#define NAMESERVERS_MS 5000
#define DATAGRAM_MIN 576 /* that every client takes (RFC 2131, 2) */

/* The largest message for this client: what it says, what goes unfragmented, and what each must take. */
static size_t
size_limit(const struct server *s)
{
	const uint8_t *p = message_option(&s->request.message, OPT_MAX_SIZE, 2, NULL);
	unsigned mtu = s->d->iface.mtu ? s->d->iface.mtu : 1500, size = p ? get_be16(p) : DATAGRAM_MIN;

	if (size > mtu)
		size = mtu;
	return (size < DATAGRAM_MIN ? DATAGRAM_MIN : size) - IP_UDP;
}

static struct in_addr
router(const struct server *s)
{
	const struct request *r = &s->request;
	struct in_addr host = {htonl(s->subnets.host)};

	return r->subnet == subnet_of(&s->subnets, s->subnets.host) ? host : r->message.giaddr;
}

/* RFC 3442: who takes these does not look at the router option, so the default route is among them. */
static void
add_routes(struct server *s, struct answer *a, unsigned code)
{
	const struct setting *set = &s->o->settings.option[OPT_ROUTES], *routers = &s->o->settings.option[OPT_ROUTER];
	struct in_addr via = router(s);
	uint8_t bytes[5 + 1024];

	if (!set->len)
		return;
	if (routers->len)
		memcpy(&via, routers->bytes, 4);
	bytes[0] = 0;
	memcpy(bytes + 1, &via, 4);
	memcpy(bytes + 5, set->bytes, set->len);
	if (routers->given && !routers->len)
		answer_option(a, code, set->bytes, set->len);
	else
		answer_option(a, code, bytes, 5 + set->len);
}

/* The host's own, which may change while we run: looked at again, but not for each client. */
static void
add_nameservers(struct server *s, struct answer *a)
{
	struct nameservers *n = &s->d->nameservers;

	if (timer_now() - s->nameservers_at > NAMESERVERS_MS) {
		s->nameservers_at = timer_now();
		nameservers_read(n);
	}
	if (n->nin)
		answer_option(a, OPT_DNS, n->in, n->nin * sizeof(*n->in));
}

/* What is told without having been set. */
static void
add_default(struct server *s, struct answer *a, unsigned code)
{
	const struct request *r = &s->request;

	switch (code) {
	case OPT_MASK: answer_option32(a, code, r->subnet->mask); break;
	case OPT_ROUTER: answer_address(a, code, router(s)); break;
	case OPT_BROADCAST: answer_option32(a, code, r->subnet->addr | ~r->subnet->mask); break;
	case OPT_HOSTNAME:
		if (r->guest && r->guest->name)
			answer_option(a, code, r->guest->name, strlen(r->guest->name));
		break;
	case OPT_DNS: add_nameservers(s, a); break;
	case OPT_MTU: /* Ethernet's own need not be said */
		if (s->d->iface.mtu && s->d->iface.mtu != 1500 && r->subnet == s->subnets.v)
			answer_option(a, code, (const uint8_t[]){(uint8_t)(s->d->iface.mtu >> 8), (uint8_t)s->d->iface.mtu}, 2);
		break;
	default: break;
	}
}

static void
add_option(struct server *s, struct answer *a, unsigned code)
{
	const struct setting *set = &s->o->settings.option[code];

	if (code == OPT_ROUTES || code == OPT_ROUTES_MS)
		add_routes(s, a, code);
	else if (!set->given)
		add_default(s, a, code);
	else if (set->len)
		answer_option(a, code, set->bytes, set->len);
}

static void
add_boot_option(struct answer *a, unsigned code, const void *bytes, size_t len, bool done[256])
{
	if (!bytes)
		return;
	answer_option(a, code, bytes, len);
	done[code] = true;
}

/* What it boots, in the old fields, where every ROM looks; and as options for who asks for these, or where it is too long. */
static void
add_boot(struct server *s, struct answer *a, const uint8_t *list, size_t n, bool done[256])
{
	const struct message *m = &s->request.message;
	const uint8_t *arch = message_option(m, OPT_ARCH, 2, NULL);
	struct pxe_client c = {.arch = arch ? get_be16(arch) : PXE_NO_ARCH, .ipxe = message_option(m, OPT_IPXE, 0, NULL)};
	struct pxe_answer b;
	bool short_enough;

	c.class = message_option(m, OPT_CLASS, 1, &c.class_len);
	c.user_class = message_option(m, OPT_USER_CLASS, 1, &c.user_class_len);
	pxe_choose(&s->o->pxe, &c, &b);
	if (!b.file)
		return;
	if (b.next.s_addr || !b.url)
		answer_siaddr(a, b.next.s_addr ? b.next : (struct in_addr){htonl(s->subnets.host)});
	short_enough = answer_boot(a, b.server ? b.server : "", b.file);
	if (!short_enough || (n && memchr(list, OPT_BOOT_FILE, n)))
		add_boot_option(a, OPT_BOOT_FILE, b.file, strlen(b.file), done);
	if (b.server && (!short_enough || (n && memchr(list, OPT_BOOT_SERVER, n))))
		add_boot_option(a, OPT_BOOT_SERVER, b.server, strlen(b.server), done);
	add_boot_option(a, OPT_CLASS, b.class, b.class ? strlen(b.class) : 0, done);
	add_boot_option(a, OPT_VENDOR, b.vendor, b.vendor_len, done);
	if (b.class) { /* RFC 4578, 2.3: in every packet of PXE, the server's too */
		size_t len;
		const uint8_t *machine = message_option(m, OPT_MACHINE, 1, &len);

		add_boot_option(a, OPT_MACHINE, machine, machine ? len : 0, done);
	}
}

/* In the client's order, each once; all that there is for a client that does not say what it wants. */
static void
add_options(struct server *s, struct answer *a)
{
	size_t n = 0;
	const uint8_t *list = message_option(&s->request.message, OPT_PARAMETERS, 1, &n);
	bool done[256] = {[0] = true, [OPT_REQUESTED] = true, [OPT_LEASE_TIME] = true, [OPT_OVERLOAD] = true, [OPT_TYPE] = true,
	    [OPT_SERVER] = true, [OPT_PARAMETERS] = true, [OPT_TEXT] = true, [OPT_MAX_SIZE] = true, [OPT_T1] = true,
	    [OPT_T2] = true, [OPT_CLIENT_ID] = true, [OPT_RAPID] = true, [OPT_AGENT] = true, [OPT_END] = true};

	add_boot(s, a, list, n, done);
	add_option(s, a, OPT_MASK);
	done[OPT_MASK] = true;
	for (size_t i = 0; i < n; i++)
		if (!done[list[i]]) {
			done[list[i]] = true;
			add_option(s, a, list[i]);
		}
	for (unsigned code = 0; code < 256 && !list; code++)
		if (!done[code] && code != OPT_ROUTES_MS)
			add_option(s, a, code);
}

static void
add_times(const struct server *s, struct answer *a, uint32_t seconds)
{
	const struct settings *set = &s->o->settings;

	answer_option32(a, OPT_LEASE_TIME, seconds);
	if (seconds == LEASE_INFINITE)
		return;
	/* RFC 2131, 4.4.5, unless set, and then before the lease is over. */
	answer_option32(a, OPT_T1, set->t1 && set->t1 < seconds ? set->t1 : seconds / 2);
	answer_option32(a, OPT_T2, set->t2 && set->t2 < seconds ? set->t2 : (uint32_t)(seconds * UINT64_C(7) / 8));
}

static void
add_echoes(const struct server *s, struct answer *a, enum message_type type)
{
	const struct message *m = &s->request.message;
	size_t len;
	const uint8_t *id = message_option(m, OPT_CLIENT_ID, 1, &len);

	if (id) /* RFC 6842 */
		answer_option(a, OPT_CLIENT_ID, id, len);
	if (type == DHCP_ACK && m->type == DHCP_DISCOVER)
		answer_option(a, OPT_RAPID, "", 0);
}

size_t
compose(struct server *s, uint8_t *buf, enum message_type type, const struct lease *l, uint32_t seconds)
{
	struct answer a;

	answer_begin(&a, buf + IPV4_HEAD, size_limit(s), &s->request.message, type);
	answer_option32(&a, OPT_SERVER, s->subnets.host);
	if (l) {
		answer_yiaddr(&a, (struct in_addr){htonl(l->addr)});
		add_times(s, &a, seconds);
	}
	add_echoes(s, &a, type);
	if (type != DHCP_NAK)
		add_options(s, &a);
	return answer_end(&a);
}
