/* SPDX-License-Identifier: ISC */
/* Where control connections come from, and the guest's ejections; the contracts are in ctl.h and ctl_client.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/con_out.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl_client.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

void
ctl_listen(struct ctl *c)
{
	for (unsigned i = 0; i < c->nlisteners; i++)
		if (c->nclients < CTL_CLIENTS_MAX)
			listener_open(&c->listeners[i]);
		else
			listener_shut(&c->listeners[i]);
}

void
ctl_set_tick(struct ctl *c)
{
	struct itimerspec its = {0};

	for (const struct client *k = c->clients; k; k = k->next)
		if (k->waiting)
			its.it_value.tv_sec = its.it_interval.tv_sec = 1;
	timerfd_settime(c->tick.fd, 0, &its, NULL);
}

static void
on_listener(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w->loop, struct vm, loop)->ctl;
	int fd = listener_accept(container_of(w, struct listener, watch), SOCK_NONBLOCK);
	struct client *k;

	(void)events;
	if (fd < 0)
		return;
	k = ctl_new_client(c, fd, true);
	if (k)
		ctl_serve(k);
	else
		close(fd);
	ctl_listen(c);
}

static void
on_eject(struct vm *vm, uint32_t slots)
{
	atomic_fetch_or(&vm->ctl->ejected, slots);
	ctl_wake(vm);
}

void
ctl_wake(struct vm *vm)
{
	if (vm->ctl)
		eventfd_write(vm->ctl->wake.fd, 1);
}

/* Answers those for whom it came that they wait for, and, at a tick, those who waited long enough. */
static void
answer_waiting(struct ctl *c, unsigned tick)
{
	struct client *next;

	for (struct client *k = c->clients; k; k = next) {
		enum ctl_done done = k->waiting ? k->wait.done(c->vm, k->wait.what) : CTL_WAIT;
		bool ok = done == CTL_OK || (done == CTL_WAIT && !k->refusal[0]);

		next = k->next;
		if (!k->waiting)
			continue;
		k->wait.seconds -= tick;
		if (done == CTL_WAIT && k->wait.seconds)
			continue;
		if (done == CTL_NO && k->wait.reason)
			snprintf(k->refusal, sizeof(k->refusal), "%s", k->wait.reason(c->vm));
		k->waiting = false;
		if (ok && k->wait.print)
			k->wait.print(c->vm, &k->answer);
		ctl_finish(k, ok, ok ? "" : k->refusal);
		ctl_serve(k);
	}
	ctl_set_tick(c);
}

static void
on_wake(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w, struct ctl, wake);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) < 0)
		return;
	hotplug_remove(c->vm, atomic_exchange(&c->ejected, 0));
	cpuhp_remove(c->vm);
	answer_waiting(c, 0);
}

static void
on_tick(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w, struct ctl, tick);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) == sizeof(n))
		answer_waiting(c, 1);
}

static bool
is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
}

static int
add_listener(struct ctl *c, int fd)
{
	int err = -E2BIG;

	if (c->nlisteners < LISTENERS_MAX)
		err = listener_start(&c->listeners[c->nlisteners], &c->vm->loop, fd, on_listener);
	c->nlisteners += !err;
	return err;
}

static int
add_wire(struct ctl *c, const struct wire *w)
{
	int out = w->fds[w->nfds - 1], err = 0;
	bool socket = is_socket(w->fds[0]);
	struct client *k;

	if (wiring_as(&c->vm->wires, w) == AS_LISTEN)
		return add_listener(c, w->fds[0]);
	k = ctl_new_client(c, w->fds[0], socket);
	if (!k)
		return -ENOMEM;
	k->again = !socket;
	if (!socket || w->nfds > 1) {
		k->out = calloc(1, sizeof(*k->out));
		err = k->out ? con_out_start(k->out, w->id, out) : -ENOMEM;
	}
	return err ? err : loop_watch(&c->vm->loop, &k->io, EPOLLIN);
}

static int
add_event(struct ctl *c, struct watch *w, int fd, void (*handler)(struct watch *w, uint32_t events))
{
	*w = (struct watch){.fd = fd, .handler = handler};
	return fd < 0 ? -errno : loop_watch(&c->vm->loop, w, EPOLLIN);
}

const char *
ctl_create(struct vm *vm, char *why, size_t size)
{
	struct ctl *c = calloc(1, sizeof(*c));
	const char *what = "ctl";
	int err = c ? 0 : -ENOMEM;

	if (!err) {
		c->vm = vm;
		vm->ctl = c;
		vm->lpc->eject = on_eject;
		err = add_event(c, &c->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_wake);
	}
	if (!err)
		err = add_event(c, &c->tick, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), on_tick);
	for (const struct wire *w = vm->wires.v; w < vm->wires.v + vm->wires.n && !err; w++) {
		if (!w->nfds || w->kind != WIRE_CTL)
			continue;
		what = w->id;
		err = add_wire(c, w);
	}
	if (!err)
		return NULL;
	snprintf(why, size, "%s: %s", what, strerror(-err));
	return why;
}

void
ctl_destroy(struct vm *vm)
{
	struct ctl *c = vm->ctl;

	if (!c)
		return;
	vm->lpc->eject = NULL;
	for (struct client *k = c->clients, *next; k; k = next) {
		next = k->next;
		ctl_drop(k);
	}
	for (unsigned i = 0; i < c->nlisteners; i++)
		listener_stop(&c->listeners[i]);
	loop_unwatch(&c->wake);
	loop_unwatch(&c->tick);
	close(c->wake.fd);
	close(c->tick.fd);
	free(c);
	vm->ctl = NULL;
}
