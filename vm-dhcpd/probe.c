/* SPDX-License-Identifier: ISC */
/* Asking for addresses before they are offered; the contracts are in probe.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-dhcpd/server.h"

/* The DISCOVER that waited is handled once more; what becomes of it now is up to the lease. */
static void
resume(struct probes *p, struct probe *waited)
{
	struct server *s = p->server;
	struct request *r = &s->request;

	TAILQ_REMOVE(&p->queue, waited, queue);
	p->count--;
	memcpy(r->mac, waited->mac, 6);
	r->src = waited->src;
	r->bytes = waited->bytes;
	r->len = waited->len;
	if (message_parse(&r->message, waited->bytes, waited->len))
		server_handle(s);
	free(waited);
}

static void
due(struct timer *t)
{
	struct probes *p = container_of(t, struct probes, timer);
	int64_t now = timer_now();
	struct probe *i = TAILQ_FIRST(&p->queue), *next;

	for (; i && i->due <= now; i = next) {
		struct lease *l = lease_of_addr(&p->server->journal.leases, i->addr);

		next = TAILQ_NEXT(i, queue);
		if (l)
			l->probed = true;
		resume(p, i);
	}
	timer_set(t, TAILQ_EMPTY(&p->queue) ? TIMER_NEVER : TAILQ_FIRST(&p->queue)->due);
	server_settle(p->server);
}

void
probes_open(struct probes *p, struct server *s)
{
	int err = timer_init(&p->timer, &s->d->loop, due);

	if (err)
		die("timer: %s", strerror(-err));
	p->server = s;
	TAILQ_INIT(&p->queue);
}

void
probes_close(struct probes *p)
{
	struct probe *next;

	for (struct probe *i = TAILQ_FIRST(&p->queue); i; i = next) {
		next = TAILQ_NEXT(i, queue);
		free(i);
	}
	timer_done(&p->timer);
}

static struct probe *
find(const struct probes *p, uint32_t addr)
{
	struct probe *i;

	TAILQ_FOREACH(i, &p->queue, queue)
		if (i->addr == addr)
			return i;
	return NULL;
}

bool
probe_begin(struct probes *p, uint32_t addr)
{
	struct server *s = p->server;
	const struct request *r = &s->request;
	unsigned ms = s->o->settings.probe_ms;
	struct probe *new;

	if (!ms || p->count == PROBES_MAX)
		return false;
	if (find(p, addr))
		return true; /* the client is impatient */
	if (!link_probe(&s->link, (struct in_addr){htonl(addr)}, r->message.giaddr.s_addr ? r->mac : NULL))
		return false;
	new = calloc(1, sizeof(*new) + r->len);
	if (!new)
		return false;
	memcpy(new->mac, r->mac, 6);
	new->src = r->src;
	new->addr = addr;
	new->due = timer_now() + ms;
	new->len = r->len;
	memcpy(new->bytes, r->bytes, r->len);
	TAILQ_INSERT_TAIL(&p->queue, new, queue);
	if (p->count++ == 0)
		timer_set(&p->timer, new->due);
	return true;
}

void
probe_answered(struct probes *p, uint32_t addr, const uint8_t *mac)
{
	struct probe *waiting = p->count ? find(p, addr) : NULL;
	struct lease *l = waiting ? lease_of_addr(&p->server->journal.leases, addr) : NULL;

	/* The client itself may have kept it. */
	if (!l || l->state != LEASE_OFFERED || (mac && !memcmp(mac, l->mac, 6)))
		return;
	server_set_aside(p->server, l, "conflict");
	resume(p, waiting);
}
