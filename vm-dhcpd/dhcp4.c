/* SPDX-License-Identifier: ISC */
/* DHCPv4 as a service: packets in, leases to the log, answers out, in this order. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-dhcpd/server.h"

/* What stands in front of each answer in server.out. */
struct waiting {
	struct station to;
	uint16_t port, len;
};

void
server_answer_later(struct server *s, const uint8_t *buf, size_t len, const struct station *to, uint16_t port)
{
	const struct waiting head = {.to = *to, .port = port, .len = (uint16_t)len};

	if (sizeof(s->out) - s->out_len < sizeof(head) + IPV4_HEAD + len)
		server_settle(s);
	memcpy(s->out + s->out_len, &head, sizeof(head));
	memcpy(s->out + s->out_len + sizeof(head), buf, IPV4_HEAD + len);
	s->out_len += sizeof(head) + IPV4_HEAD + len;
}

static void
send_waiting(struct server *s)
{
	for (size_t at = 0; at < s->out_len;) {
		struct waiting head;

		memcpy(&head, s->out + at, sizeof(head));
		at += sizeof(head);
		link_send(&s->link, s->out + at, head.len, &head.to, head.port);
		at += IPV4_HEAD + head.len;
	}
}

static void
add_record(struct server *s, const struct lease *l)
{
	const struct record r = journal_record(l);

	leaselog_add(&s->log, &r);
}

static void
add_all(struct leaselog *g, void *arg)
{
	static const enum lease_state states[] = {LEASE_PAST, LEASE_BOUND, LEASE_SET_ASIDE};
	struct server *s = arg;
	struct lease *l;

	(void)g;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		TAILQ_FOREACH(l, &s->journal.leases.queue[states[i]], queue)
			add_record(s, l);
}

static void
set_timer(struct server *s)
{
	int64_t next = leases_next(&s->journal.leases);

	if (next == s->timer_at)
		return;
	s->timer_at = next;
	timer_set(&s->timer, next == LEASE_NEVER ? TIMER_NEVER : timer_now() + (next - lease_clock()) * 1000);
}

/* The last of those that are bound, which are in the order in which they came. Where nothing was written it was an offer. */
static void
settle_leases(struct leases *ls, bool good)
{
	struct lease *l = TAILQ_LAST(&ls->queue[LEASE_BOUND], lease_queue), *before;

	for (; l && l->unsettled; l = before) {
		before = TAILQ_PREV(l, lease_queue, queue);
		l->unsettled = false;
		if (!good && l->fresh)
			lease_set(ls, l, LEASE_OFFERED, lease_clock() + OFFER_SECONDS);
	}
}

void
server_settle(struct server *s)
{
	bool good = leaselog_commit(&s->log);

	if (good)
		send_waiting(s);
	settle_leases(&s->journal.leases, good);
	s->out_len = 0;
	link_flush(&s->link);
	event_settle(&s->events, &s->d->loop, good);
	if (leaselog_is_long(&s->log))
		leaselog_compact(&s->log, add_all, s);
	set_timer(s);
}

void
server_bind(struct server *s, struct lease *l, uint32_t seconds)
{
	const struct request *r = &s->request;
	const char *name = r->guest && r->guest->name ? r->guest->name : r->name;

	/* Twice before it is settled is once. */
	l->fresh = l->state != LEASE_BOUND || (l->unsettled && l->fresh);
	l->unsettled = true;
	memcpy(l->mac, r->message.chaddr, 6);
	lease_set_name(l, name, strlen(name));
	l->probed = true;
	l->past = false;
	lease_set(&s->journal.leases, l, LEASE_BOUND, seconds == LEASE_INFINITE ? LEASE_NEVER : lease_clock() + seconds);
	add_record(s, l);
	event_add(&s->events, l->fresh ? "bound" : "renewed", l->mac, l->addr, l->name);
}

void
server_release(struct server *s, struct lease *l)
{
	lease_set(&s->journal.leases, l, LEASE_PAST, lease_clock());
	add_record(s, l);
	event_add(&s->events, "released", l->mac, l->addr, l->name);
	s->short_told = false;
}

void
server_set_aside(struct server *s, struct lease *l, const char *event)
{
	uint32_t addr = l->addr;

	event_add(&s->events, event, l->mac, addr, l->name);
	lease_delete(&s->journal.leases, l);
	add_record(s, journal_set_aside(&s->journal, addr, lease_clock() + ASIDE_SECONDS));
}

static void
over(struct timer *t)
{
	struct server *s = container_of(t, struct server, timer);
	int64_t now = lease_clock();
	struct lease *l;

	s->timer_at = LEASE_NEVER;
	while ((l = lease_over(&s->journal.leases, now))) {
		bool bound = l->state == LEASE_BOUND;

		if (bound)
			event_add(&s->events, "expired", l->mac, l->addr, l->name);
		if (bound || l->past)
			lease_set(&s->journal.leases, l, LEASE_PAST, l->until);
		else
			lease_delete(&s->journal.leases, l);
		s->short_told = false;
	}
	server_settle(s);
}

static void
arrived(struct link *l, const struct packet *p)
{
	struct server *s = container_of(l, struct server, link);
	struct request *r = &s->request;

	if (p->kind == PACKET_ARP_REPLY)
		probe_answered(&s->probes, ntohl(p->src.s_addr), p->mac);
	else if (p->kind == PACKET_ECHO_REPLY)
		probe_answered(&s->probes, ntohl(p->src.s_addr), NULL);
	if (p->kind != PACKET_UDP || !message_parse(&r->message, p->data, p->len))
		return;
	memcpy(r->mac, p->mac, 6);
	r->src = p->src;
	r->bytes = p->data;
	r->len = p->len;
	server_handle(s);
}

static void
idle(struct link *l)
{
	server_settle(container_of(l, struct server, link));
}

static void
gone(struct link *l)
{
	struct server *s = container_of(l, struct server, link);

	if (l->iface)
		error("%s: the interface is gone", s->o->bridge);
	s->d->failed |= l->iface;
	loop_unwatch(&l->watch);
	loop_stop(&s->d->loop);
}

static void
find_home(struct server *s, uint32_t *host, unsigned *prefix_len)
{
	const struct iface *f = &s->d->iface;
	const struct options *o = s->o;
	unsigned i = 0;

	while (i < f->nin && o->host.s_addr && f->in[i].in.s_addr != o->host.s_addr)
		i++;
	if (i == f->nin && (!o->host.s_addr || !o->prefix_len))
		die("%s: it has %s: give it one, or say -a", o->bridge, o->host.s_addr ? "not the address of -a" : "no IPv4 address");
	*host = ntohl(o->host.s_addr ? o->host.s_addr : f->in[i].in.s_addr);
	*prefix_len = o->prefix_len ? o->prefix_len : f->in[i].prefix_len;
	if (*prefix_len > 30 || *prefix_len < 8)
		die("%s: no network to serve has a length of %u", o->bridge, *prefix_len);
}

static void
check_nameservers(const struct server *s)
{
	const struct nameservers *n = &s->d->nameservers;

	if (!s->o->settings.option[OPT_DNS].given && n->stub && !n->nin)
		warn("/etc/resolv.conf: a name server on the loopback is no guest's: they are told of none (-O dns=ADDRESS)");
}

static struct server server;

static void
plan(struct server *s, struct dhcpd *d)
{
	unsigned prefix_len;
	uint32_t host;

	*s = (struct server){.d = d, .o = d->options};
	find_home(s, &host, &prefix_len);
	check_nameservers(s);
	subnets_init(&s->subnets, s->o, host, prefix_len);
}

static void
print_plan(struct dhcpd *d)
{
	plan(&server, d);
	if (d->options->bridge)
		printf("bridge\t%s\n", d->options->bridge);
	subnets_print(&server.subnets);
	settings_print(&d->options->settings);
	printf("log\t%s\n", d->options->dir ? d->options->dir : "none");
}

static void
dhcp4_open(struct dhcpd *d)
{
	struct server *s = &server;
	int err;

	plan(s, d);
	journal_init(&s->journal);
	s->log = (struct leaselog){.fd = -1, .copy = -1};
	if (s->o->dir)
		leaselog_open(&s->log, s->o->dir, s->o->bridge ? s->o->bridge : "wire", journal_replay, &s->journal);
	if (s->o->bridge)
		link_open_iface(&s->link, &d->iface, &d->loop);
	else
		link_open_fd(&s->link, s->o->wire_fd);
	s->link.own.addr.s_addr = htonl(s->subnets.host);
	s->link.broadcast.s_addr = htonl(s->subnets.v->addr | ~s->subnets.v->mask);
	s->link.arrived = arrived;
	s->link.idle = idle;
	s->link.gone = gone;
	err = timer_init(&s->timer, &d->loop, over);
	if (err)
		die("timer: %s", strerror(-err));
	probes_open(&s->probes, s);
}

static void
dhcp4_start(struct dhcpd *d)
{
	server.timer_at = LEASE_NEVER;
	link_start(&server.link, &d->loop);
	server_settle(&server);
}

static void
dhcp4_stop(struct dhcpd *d)
{
	struct server *s = &server;

	(void)d;
	server_settle(s);
	link_close(&s->link);
	probes_close(&s->probes);
	timer_done(&s->timer);
	leaselog_close(&s->log);
	leases_done(&s->journal.leases);
	subnets_done(&s->subnets);
}

const struct service dhcp4_service = {.print = print_plan, .open = dhcp4_open, .start = dhcp4_start, .stop = dhcp4_stop};
