/* SPDX-License-Identifier: ISC */
/* Doors of a hub; the contracts are in door.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-bridge/door.h"
#include "vm-bridge/sock.h"

static void
later(struct door *d)
{
	timer_set(&d->again, timer_now() + DOOR_RETRY);
}

/* Who it is: the address, or on this host the process. */
static void
name_peer(const struct door *d, int fd, char name[HUB_NAME])
{
	union address a = {0};
	socklen_t len = sizeof(a);
	struct ucred who;
	socklen_t who_len = sizeof(who);

	if (getpeername(fd, &a.sa, &len) < 0 || a.sa.sa_family == AF_UNIX) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_len) < 0)
			who.pid = 0;
		snprintf(name, HUB_NAME, "%.48s/%d", d->name, (int)who.pid);
	} else {
		address_format(&a, name, HUB_NAME);
	}
}

static void
peer_left(struct port *p)
{
	struct door *d = p->arg;

	if (d->dials) {
		warn("%s: the connection ended, trying again", d->name);
		d->complained = true;
		later(d);
	} else {
		listener_open(&d->listener);
	}
}

/* A connection, which becomes a port. False when it did not. */
static bool
admit(struct door *d, int fd, const char *name)
{
	const char *why;
	struct port *p;

	sock_tune(fd);
	p = hub_plug(d->hub, fd, name, &why);
	if (!p) {
		warn("%s: %s", name, why);
		close(fd);
		return false;
	}
	if (d->one) {
		p->left = peer_left;
		p->arg = d;
	}
	return true;
}

/* --- listening --- */

static void
came(struct watch *w, uint32_t events)
{
	struct door *d = container_of(w, struct door, listener.watch);
	char name[HUB_NAME];
	int fd;

	(void)events;
	if (d->hub->nports == HUB_PORTS) { /* who comes waits in the kernel */
		listener_pause(&d->listener);
		return;
	}
	fd = listener_accept(&d->listener, SOCK_NONBLOCK);
	if (fd < 0)
		return;
	name_peer(d, fd, name);
	if (admit(d, fd, name) && d->one)
		listener_shut(&d->listener);
}

int
door_listen(struct door *d, struct hub *h, int fd, const char *name, bool one)
{
	*d = (struct door){.hub = h, .one = one};
	snprintf(d->name, sizeof(d->name), "%s", name);
	return listener_start(&d->listener, h->loop, fd, came);
}

/* --- dialling --- */

static void
failed(struct door *d)
{
	if (!d->complained)
		warn("%s: %s, trying again", d->name, strerror(errno));
	d->complained = true;
	later(d);
}

static void
answered(struct door *d, int fd)
{
	if (!admit(d, fd, d->name)) {
		later(d);
		return;
	}
	if (d->complained)
		warn("%s: connected", d->name);
	d->complained = false;
}

static void
decided(struct watch *w, uint32_t events)
{
	struct door *d = container_of(w, struct door, dialled);
	int fd = w->fd;

	(void)events;
	loop_unwatch(w);
	w->fd = -1;
	if (sock_connected(fd)) {
		answered(d, fd);
		return;
	}
	failed(d);
	close(fd);
}

static void
dial(struct timer *t)
{
	struct door *d = container_of(t, struct door, again);
	bool pending;
	int fd = sock_dial(&d->address, &pending);

	if (fd >= 0 && !pending) {
		answered(d, fd);
		return;
	}
	d->dialled.fd = fd;
	if (fd >= 0 && loop_watch(d->hub->loop, &d->dialled, EPOLLOUT) == 0)
		return;
	failed(d);
	if (fd >= 0)
		close(fd);
	d->dialled.fd = -1;
}

int
door_dial(struct door *d, struct hub *h, const union address *a)
{
	int err;

	*d = (struct door){.hub = h, .address = *a, .dials = true, .one = true, .dialled = {.fd = -1, .handler = decided}};
	address_format(a, d->name, sizeof(d->name));
	err = timer_init(&d->again, h->loop, dial);
	if (!err)
		dial(&d->again);
	return err;
}
